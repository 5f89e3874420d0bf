// The map of a run: colours its points by the scale that is asked for.
"use strict";
(() => {
  const colour = (map, scale) => {
    const script = document.querySelector(`script[data-chart="${map}"]`);
    const spec = JSON.parse(script.textContent);
    const colours = spec.data.map((trace) => trace.meta[scale]);
    spec.data.forEach((trace, i) => (trace.marker.color = colours[i]));
    script.textContent = JSON.stringify(spec); // charts.js draws by it when the page turns dark
    Plotly.restyle(document.getElementById(map), { "marker.color": colours });
  };
  document.querySelectorAll(".switch").forEach((field) => {
    const maps = field.dataset.maps.trim().split(" ");
    field.addEventListener("change", (event) => maps.forEach((map) => colour(map, event.target.value)));
    // A browser that goes back to this page checks what was checked before.
    const checked = field.querySelector("input:checked");
    if (checked && !checked.defaultChecked) maps.forEach((map) => colour(map, checked.value));
  });
})();
