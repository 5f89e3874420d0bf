"""The models of trucks and buses: invented names and what tells each from the others."""

from __future__ import annotations

from dmlkit.sample.vehicle.body import Model

TRUCKS = (
    Model("Gravik B12", 8.2, 2.5, 3.5, 4.6, 1.3, 0.5, nose=1.2, cowl=1.15, belt=1.85, tail=2.85, screen=(0.0, 0), back=(1.95, 0),
          lamps="drop", lights="block", grille="slats", rim="truck", load="box", has=("deflector", "raked")),
    Model("Oldrin Petrolier", 9.2, 2.5, 3.1, 5.3, 1.2, 0.54, nose=1.75, cowl=1.2, belt=1.9, tail=2.75, screen=(1.75, 0), back=(3.5, 0),
          lamps="twin", lights="round", grille="bars", rim="truck", load="tank", has=("stack", "chrome", "split", "three axles")),
    Model("Brakka Quarry", 7.8, 2.5, 2.75, 4.1, 1.35, 0.56, nose=1.2, cowl=1.25, belt=1.9, tail=2.9, screen=(0.0, 0), back=(1.8, 0),
          lamps="rect", lights="stack", grille="slots", rim="truck", load="tipper", has=("visor", "plain", "three axles")),
    Model("Fjellvik Timber", 9.0, 2.5, 3.0, 5.2, 1.35, 0.55, nose=1.2, cowl=1.2, belt=1.95, tail=3.1, screen=(0.0, 0), back=(2.35, 0),
          lamps="tall", lights="block", grille="hex", rim="truck", load="logs", has=("light bar", "tall cab", "three axles", "plain")),
    Model("Norrvik Frost", 8.4, 2.5, 3.6, 4.9, 1.3, 0.5, nose=1.2, cowl=1.15, belt=1.8, tail=2.7, screen=(0.0, 0), back=(1.95, 0),
          lamps="bar", lights="slit", grille="none", rim="disc", load="reefer", has=("round tail", "raked")),
    Model("Halvane Churn", 8.0, 2.5, 3.55, 4.5, 1.3, 0.54, nose=1.2, cowl=1.15, belt=1.85, tail=2.8, screen=(0.0, 0), back=(1.85, 0),
          lamps="round", lights="round", grille="oval", rim="truck", load="mixer", has=("three axles", "split", "round tail")),
    Model("Tarsken Curtis", 9.4, 2.5, 3.7, 5.6, 1.35, 0.5, nose=1.2, cowl=1.15, belt=2.0, tail=3.35, screen=(0.0, 0), back=(2.3, 0),
          lamps="slit", lights="ell", grille="wide", rim="truck", load="curtain", has=("tall cab", "visor", "raked")),
    Model("Lumetta Civic R", 7.6, 2.45, 3.2, 4.2, 1.5, 0.48, nose=1.1, cowl=1.1, belt=1.6, tail=2.55, screen=(0.0, 0), back=(2.2, 0),
          lamps="stack", lights="tri", grille="tee", rim="truck", load="refuse", has=("light bar",)),
)  # fmt: skip

BUSES = (
    Model("Urbella 12", 10.5, 2.5, 3.05, 5.4, 2.5, 0.48, clear=0.3, nose=1.15, belt=1.3, screen=(0.0, 0), face="upright",
          lamps="almond", lights="tower", grille="none", rim="truck", has=("two doors", "pod")),
    Model("Velmora Grandtour", 11.2, 2.5, 3.55, 5.8, 2.5, 0.5, clear=0.34, nose=1.05, belt=1.95, screen=(0.0, 0), face="wedge",
          lamps="slit", lights="wrap", grille="wide", rim="disc", has=("slant panes",)),
    Model("Oldrin Duplex", 10.2, 2.5, 4.3, 5.3, 2.4, 0.5, clear=0.3, nose=1.0, belt=1.35, screen=(0.0, 0), face="upright",
          lamps="twin", lights="round", grille="bars", rim="hub", has=("two decks",)),
    Model("Brakka Scholar", 9.0, 2.4, 2.95, 5.2, 1.15, 0.5, clear=0.45, nose=1.55, belt=1.75, screen=(1.7, 0), face="box",
          lamps="round", lights="round", grille="slots", rim="truck", has=("single panes", "small panes", "warning lamps", "split")),
    Model("Tarsken Shuttle", 7.0, 2.2, 2.75, 4.0, 1.3, 0.42, clear=0.3, nose=0.95, belt=1.4, screen=(0.0, 0), face="slant",
          lamps="drop", lights="stack", grille="slats", rim="steel", has=("single panes",)),
    Model("Halvane Riviera", 8.8, 2.4, 2.9, 4.6, 2.0, 0.48, clear=0.32, nose=0.8, belt=1.6, screen=(0.0, 0), face="round",
          lamps="round", lights="round", grille="oval", rim="hub", has=("round tail", "split", "single panes", "small panes", "chrome")),
    Model("Lumetta Filobus", 10.6, 2.5, 3.0, 5.6, 2.5, 0.48, clear=0.32, nose=1.05, belt=1.4, screen=(0.0, 0), face="box",
          lamps="cube", lights="block", grille="slots", rim="truck", has=("poles", "two doors", "vents", "small panes")),
    Model("Norrvik Volta", 10.4, 2.5, 3.1, 6.4, 1.9, 0.48, clear=0.26, nose=1.4, belt=1.12, screen=(0.0, 0), face="slant",
          lamps="bar", lights="bar", grille="none", rim="disc", has=("fairing", "two doors")),
)  # fmt: skip

MODELS = {"truck": TRUCKS, "bus": BUSES}
