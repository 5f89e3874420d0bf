// Draws the charts of a page with Plotly, in the page's colours and at its width, and again when these change.
"use strict";
(() => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();

  // A colour such as "@fine" stands for one of style.css. Plotly reads texts as HTML, so what is a name is escaped;
  // templates are ours, and addresses are no text.
  const OURS = ["hovertemplate", "texttemplate", "customdata"];
  const coloured = (value, key = "") => {
    if (typeof value === "string")
      return key.includes("color") && value.startsWith("@")
        ? colour(value.slice(1))
        : value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    if (Array.isArray(value)) return value.map((inner) => coloured(inner, key));
    if (value && typeof value === "object")
      return Object.fromEntries(
        Object.entries(value).map(([key, inner]) => [key, OURS.includes(key) ? inner : coloured(inner, key)]),
      );
    return value;
  };

  const axis = () => ({
    gridcolor: colour("line"),
    linecolor: colour("line"),
    zerolinecolor: colour("line"),
    automargin: true,
    fixedrange: true,
    title: { standoff: 8 },
  });

  const merged = (under, over) => {
    const all = { ...under };
    for (const [key, value] of Object.entries(over))
      all[key] =
        value && typeof value === "object" && !Array.isArray(value) && all[key] ? merged(all[key], value) : value;
    return all;
  };

  const draw = (script) => {
    const place = document.getElementById(script.dataset.chart);
    const spec = coloured(JSON.parse(script.textContent));
    const given = spec.layout || {};
    const axes = Object.fromEntries(
      ["xaxis", "yaxis", ...Object.keys(given).filter((key) => /^[xy]axis\d+$/.test(key))].map((key) => [key, axis()]),
    );
    const layout = merged(
      {
        ...axes,
        autosize: true,
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: style.fontFamily, size: 13, color: colour("ink") },
        margin: { l: 8, r: 8, t: 8, b: 8 },
        colorway: ["fine", "middle", "coarse", "accent", "muted"].map(colour),
        hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
        legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      },
      given,
    );
    const config = { displayModeBar: false, responsive: true, ...spec.config };
    return Plotly.react(place, spec.data, layout, config).then(() => {
      if (place.dataset.drawn) return;
      place.dataset.drawn = "yes";
      // A point with an address leads there; a sector that has others below it opens instead.
      const follow = (event) => {
        const point = event.points && event.points[0];
        const address = point && point.customdata;
        if (typeof address === "string" && address) {
          location.href = address;
          return false;
        }
        return undefined;
      };
      place.on(["sunburst", "treemap"].includes(spec.data[0] && spec.data[0].type) ? `plotly_${spec.data[0].type}click` : "plotly_click", follow);
    });
  };

  const scripts = [...document.querySelectorAll("script[data-chart]")];
  const all = () => scripts.forEach(draw);
  all();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
})();
