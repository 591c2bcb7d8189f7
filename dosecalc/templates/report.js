"use strict";
// Toggles of structures and stages, values under the pointer or the arrow keys, and tables that sort.
(function () {
  const all = (what, inside) => Array.from((inside || document).querySelectorAll(what));
  const figures = all("svg.dvh");

  function redraw() {
    const on = new Set(all("input[data-structure]:checked").map((i) => i.dataset.structure));
    const stages = new Set(all("input[data-stage]:checked").map((i) => i.dataset.stage));
    all("svg.dvh g.line, svg.dvh g.limit").forEach((g) => {
      const shown = on.has(g.dataset.structure) && (!g.dataset.stage || stages.has(g.dataset.stage));
      if (shown) g.removeAttribute("display"); else g.setAttribute("display", "none");
    });
    figures.forEach((svg) => { if (svg.dataset.dose) read(svg, Number(svg.dataset.dose)); });
  }

  // The corners of a path as [x, y] in pixels, those that double back left out.
  function corners(path) {
    return path.getAttribute("d").replace(/[MZ]/g, "").split("L").map((p) => p.split(",").map(Number));
  }

  function heightAt(points, x) {
    if (x <= points[0][0]) return points[0][1];
    for (let k = 1; k < points.length; k += 1) {
      const [x0, y0] = points[k - 1], [x1, y1] = points[k];
      if (x <= x1) return x1 === x0 ? y1 : y0 + (y1 - y0) * (x - x0) / (x1 - x0);
    }
    return null;
  }

  function read(svg, dose) {
    const d = svg.dataset, left = Number(d.left), right = Number(d.right), bottom = Number(d.bottom), top = Number(d.top);
    const most = Number(d.most), at = Math.min(Math.max(dose, 0), most);
    const x = left + (right - left) * at / most;
    svg.dataset.dose = at;
    const cursor = svg.querySelector(".cursor");
    cursor.setAttribute("d", "M" + x.toFixed(1) + " " + top + "V" + bottom);
    cursor.removeAttribute("display");
    const percentAt = (points) => {
      const y = heightAt(points, x);
      return y === null ? 0 : 100 * (bottom - y) / (bottom - top);
    };
    const lines = all("g.line:not([display])", svg).map((g) => {
      const whole = Number(g.dataset.cm3), band = g.querySelector(".band");
      const value = percentAt(corners(g.querySelector(".curve")));
      let ends = [value, value];
      if (band) {
        const points = corners(band), upper = Number(band.dataset.corners);
        ends = [percentAt(points.slice(upper).reverse()), percentAt(points.slice(0, upper))];
      }
      // A line that is a lower bound has no value between its ends; one without a band has no upper end.
      const said = (scale, digits) => {
        const [low, high] = ends.map((e) => (e * scale).toFixed(digits));
        if (g.dataset.least && !band) return "\u2265 " + low;
        if (low === high) return low;
        return g.dataset.least ? low + " to " + high : (value * scale).toFixed(digits) + " (" + low + " to " + high + ")";
      };
      return g.dataset.mark + " " + g.dataset.name + " (" + g.dataset.words + "): " + said(1, 1) + " %, " +
        said(whole / 100, whole < 10 ? 2 : whole < 100 ? 1 : 0) + " cm\u00b3";
    });
    const out = document.getElementById("read-" + d.key);
    out.textContent = "";
    const head = document.createElement("strong");
    head.textContent = "At least " + at.toFixed(2) + " Gy: ";
    out.append(head, lines.join("; ") || "no line is drawn");
  }

  figures.forEach((svg) => {
    svg.setAttribute("tabindex", "0");
    const most = Number(svg.dataset.most);
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
      const left = Number(svg.dataset.left), right = Number(svg.dataset.right);
      read(svg, ((event.clientX - box.left) * scale - left) / (right - left) * most);
    });
    svg.addEventListener("keydown", (event) => {
      const step = most / (event.shiftKey ? 20 : 200), now = Number(svg.dataset.dose || 0);
      const to = { ArrowRight: now + step, ArrowLeft: now - step, Home: 0, End: most }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      read(svg, to);
    });
  });
  all("input[data-structure], input[data-stage]").forEach((i) => i.addEventListener("change", redraw));
  all("button[data-show]").forEach((b) => b.addEventListener("click", () => {
    all("input[data-structure]").forEach((i) => {
      i.checked = b.dataset.show === "all" || (b.dataset.show === "judged" && i.defaultChecked);
    });
    redraw();
  }));
  redraw();

  all("table.sortable th button").forEach((button) => button.addEventListener("click", () => {
    const th = button.closest("th"), table = button.closest("table"), column = Number(th.dataset.column);
    const falls = th.getAttribute("aria-sort") !== "descending" && th.dataset.kind === "n" || th.getAttribute("aria-sort") === "ascending";
    all("th", table).forEach((other) => other.removeAttribute("aria-sort"));
    th.setAttribute("aria-sort", falls ? "descending" : "ascending");
    const key = (body) => {
      const cells = all("[data-column='" + column + "']", body);
      if (th.dataset.kind !== "n") return cells.length ? cells[0].textContent.trim().toLowerCase() : "";
      // The sum, or of what has no sum, as the worst day, the most that stands there.
      const sum = body.querySelector("tr.total [data-column='" + column + "'][data-value]");
      const values = (sum ? [sum] : cells).filter((c) => c.dataset.value).map((c) => Number(c.dataset.most || c.dataset.value));
      return values.length ? Math.max(...values) : null;
    };
    const bodies = all("tbody.structure", table).map((body) => [key(body), body]);
    // What has no value stands last, whichever way the others go.
    bodies.sort(([a], [b]) => a === null ? (b === null ? 0 : 1) : b === null ? -1 : (a < b ? -1 : a > b ? 1 : 0) * (falls ? -1 : 1));
    bodies.forEach(([, body]) => table.append(body));
  }));
}());
