// What every page of a report can do: search for a class, and show an image larger. Both by keyboard too.
"use strict";
(() => {
  const node = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  };

  // ---- search: a combobox over a list that is loaded when the field is first used ----
  const MOST = 12;
  const search = () => {
    const field = document.getElementById("search");
    if (!field) return;
    const list = document.getElementById("found");
    const count = document.getElementById("found-count");
    let classes = null; // [name, what else is searched, where it belongs, address]
    let chosen = -1;

    // Without marks on letters and without capitals, so that "Ane" finds "âne".
    const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

    // From disk no script may read a file, but a page may load a script: the list is one that calls this.
    window.dmlkitClasses = (rows) => {
      classes = rows.map((row) => ({ name: row[0], text: plain(`${row[0]} ${row[1]}`), below: row[2], href: row[3] }));
      show();
    };
    const load = () => {
      if (classes) return;
      classes = [];
      document.head.append(node("script", "", { src: field.dataset.src }));
    };

    // Names that begin with what was typed come first, the shortest before others, then those with a word that does, then the others.
    const rank = (entry, text) => {
      const at = entry.text.indexOf(text);
      return at < 0 ? 3 : at === 0 ? 0 : /[\s_/-]/.test(entry.text[at - 1]) ? 1 : 2;
    };
    const find = (text) => {
      const ranked = [[], [], []];
      for (const entry of classes) {
        const place = rank(entry, text);
        if (place < 3) ranked[place].push(entry);
      }
      ranked[0].sort((one, other) => one.name.length - other.name.length);
      return ranked.flat();
    };

    const close = () => {
      list.hidden = true;
      chosen = -1;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    };
    const show = () => {
      const text = plain(field.value.trim());
      close();
      list.replaceChildren();
      count.textContent = "";
      if (!text || !classes) return;
      const found = find(text);
      count.textContent = found.length === 1 ? "1 class found" : `${found.length} classes found`;
      found.slice(0, MOST).forEach((entry, i) => {
        const option = node("li", "", { role: "option", id: `found-${i}`, "aria-selected": "false" });
        option.append(node("span", entry.name), node("small", entry.below));
        option.dataset.href = field.dataset.up + entry.href;
        list.append(option);
      });
      if (found.length > MOST) list.append(node("li", `and ${found.length - MOST} more: type on`, { class: "more", role: "presentation" }));
      if (!found.length) list.append(node("li", "No class is called so", { class: "more", role: "presentation" }));
      list.hidden = false;
      field.setAttribute("aria-expanded", "true");
    };
    const options = () => [...list.querySelectorAll("[role=option]")];
    const choose = (place) => {
      const all = options();
      if (!all.length) return;
      chosen = (place + all.length) % all.length;
      all.forEach((option, i) => option.setAttribute("aria-selected", String(i === chosen)));
      field.setAttribute("aria-activedescendant", all[chosen].id);
      all[chosen].scrollIntoView({ block: "nearest" });
    };

    field.addEventListener("focus", load);
    field.addEventListener("input", () => {
      load();
      show();
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") choose(chosen + 1);
      else if (event.key === "ArrowUp") choose(chosen < 0 ? -1 : chosen - 1);
      else if (event.key === "Escape") close();
      else if (event.key === "Enter" && options().length) location.href = options()[Math.max(0, chosen)].dataset.href;
      else return;
      event.preventDefault();
    });
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) location.href = option.dataset.href;
    });
    field.addEventListener("blur", close);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest("input, textarea, select, dialog")) return;
      event.preventDefault();
      field.focus();
    });
  };

  // ---- an image larger, with what is known of it ----
  // A button `data-show="3"` shows the fourth row of <script type="application/json" id="rows">: pairs of a name and
  // a text, which is a link where it is a web address.
  const images = () => {
    const dialog = document.getElementById("image");
    const rows = document.getElementById("rows");
    if (!dialog || !rows) return;
    const facts = JSON.parse(rows.textContent);
    const buttons = [...document.querySelectorAll("button[data-show]")];
    let shown = 0;
    const show = (place) => {
      shown = (place + buttons.length) % buttons.length;
      const button = buttons[shown];
      const large = button.querySelector("svg").cloneNode(true);
      dialog.querySelector(".large").replaceChildren(large);
      dialog.querySelector("h2").textContent = large.getAttribute("aria-label");
      const list = dialog.querySelector("dl");
      list.replaceChildren();
      for (const [name, text] of facts[Number(button.dataset.show)]) {
        const value = node("dd", "");
        value.append(/^https?:\/\//.test(text) ? node("a", text, { href: text, rel: "noreferrer noopener", target: "_blank" }) : text);
        list.append(node("dt", name), value);
      }
      if (!dialog.open) dialog.showModal();
      dialog.scrollTop = 0;
    };
    buttons.forEach((button, i) => button.addEventListener("click", () => show(i)));
    dialog.querySelector(".before").addEventListener("click", () => show(shown - 1));
    dialog.querySelector(".next").addEventListener("click", () => show(shown + 1));
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => buttons[shown].focus());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") show(shown - 1);
      if (event.key === "ArrowRight") show(shown + 1);
    });
  };

  // ---- a tree: all branches open or closed ----
  const tree = () =>
    document.querySelectorAll("button[data-tree]").forEach((button) =>
      button.addEventListener("click", () =>
        document.querySelectorAll("#tree details").forEach((branch) => {
          branch.open = button.dataset.tree === "open";
        }),
      ),
    );

  tree();
  search();
  images();
})();
