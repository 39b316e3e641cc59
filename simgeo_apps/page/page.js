const read = id => JSON.parse(document.getElementById(id).textContent);
const charts = read("charts"), datasets = read("data"), readings = read("readings");
const drawings = read("drawings");
const every = selector => [...document.querySelectorAll(selector)];
const still = matchMedia("(prefers-reduced-motion: reduce)");
const controls = path => path.split("|").filter(part => part[0] === "#");

// "students|#teacher3|CKA" is a set and the key in it: #id stands for a control's value.
function pick(sets, path) {
  const [set, ...key] = path.split("|");
  const value = part => part[0] === "#" ? document.querySelector(part).value : part;
  return sets[set][key.map(value).join("|")];
}

// What the controls say, beside the charts: values of sliders, and sentences.
function say() {
  for (const slider of every("input[type=range]")) {
    const text = slider.dataset.steps.split("|")[slider.value];
    document.getElementById(slider.id + "-value").value = text;
    slider.setAttribute("aria-valuetext", text);
  }
  for (const line of every("[data-says]")) {
    const text = pick(readings, line.dataset.says);
    if (line.textContent !== text) line.textContent = text;
  }
}

// |cosine| above the diagonal and the fate of the pair below it, as in Figure 1.
function drawMap(place) {
  const { fates } = drawings, paths = {};
  const teacher = pick(drawings, place.dataset.teacher);
  const student = pick(drawings, place.dataset.student);
  const size = Math.round((1 + Math.sqrt(1 + 8 * teacher.length)) / 2);
  const add = (colour, path) => { paths[colour] = (paths[colour] ?? "") + path; };
  const cell = (colour, x, y) => add(colour, `M${x} ${y}h1v1h-1z`);
  let pair = 0, dots = "";
  for (let row = 0; row < size; row++) {
    for (let column = row + 1; column < size; column++, pair++) {
      const grey = Math.round(255 - 3.45 * Math.min(student[pair], 70));
      cell(`rgb(${grey},${grey},${grey})`, column, row);
      const there = teacher[pair] <= 10, here = student[pair] <= 10;
      cell(fates[there ? here ? "preserved" : "lost" : "in neither"], row, column);
      // A dot, so that grey prints tell it from lost.
      if (here && !there) dots += `M${row + .08} ${column + .5}a.42 .42 0 1 0 .84 0a.42 .42 0 1 0-.84 0`;
    }
  }
  const filled = Object.entries(paths).map(([colour, path]) => `<path fill="${colour}" d="${path}"/>`);
  place.innerHTML = `<svg viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">
    <path fill="#fff" d="M0 0h${size}v${size}h-${size}z"/>${filled.join("")}<path fill="${fates.gained}" shape-rendering="auto" d="${dots}"/>
    <path fill="none" stroke="#777" stroke-width=".15" d="M0 0h${size}v${size}h-${size}zL${size} ${size}"/></svg>`;
}

function drawArrows(place) {
  const { frame, tips, ghosts, arcs } = pick(drawings, place.dataset.arrows);
  const [left, top, unit] = frame.map(part => part * place.clientWidth);
  const at = ([x, y]) => [left + unit * x, top - unit * y];
  const text = point => point.map(part => part.toFixed(1)).join(" ");
  const origin = at([0, 0]);
  const arrow = (tip, group) => {
    const [x, y] = at(tip), far = Math.hypot(x - origin[0], y - origin[1]) || 1;
    const [dx, dy] = [(x - origin[0]) / far, (y - origin[1]) / far];
    const head = Math.min(11, far / 2), neck = [x - head * dx, y - head * dy];
    const side = sign => text([neck[0] - sign * head * .4 * dy, neck[1] + sign * head * .4 * dx]);
    return `<g opacity="${[1, .72, .5][group]}"><path stroke-width="2" d="M${text(origin)}L${text(neck)}"/>
      <path fill="currentColor" stroke="none" d="M${text([x, y])}L${side(1)}L${side(-1)}z"/></g>`;
  };
  const line = (points, look) => `<path ${look} d="M${points.map(at).map(text).join("L")}"/>`;
  const label = arc => {
    const [x, y] = at(arc.path[arc.path.length >> 1]), far = Math.hypot(x - origin[0], y - origin[1]) || 1;
    return `<text x="${x + 15 * (x - origin[0]) / far}" y="${y + 15 * (y - origin[1]) / far}" stroke="none">${arc.degrees}°</text>`;
  };
  place.innerHTML = `<svg fill="none" stroke="currentColor">
    ${ghosts.map(tip => line([[0, 0], tip], 'stroke-dasharray="3 5" opacity=".7"')).join("")}
    ${tips.map((tip, at) => arrow(tip, at % 3)).join("")}
    ${arcs.map(arc => line(arc.path, `stroke="${drawings.fates[arc.fate]}" stroke-width="4"`)).join("")}
    ${arcs.map(label).join("")}</svg>`;
}

const draw = place => place.dataset.arrows ? drawArrows(place) : drawMap(place);
const sizes = new ResizeObserver(entries => entries.forEach(entry => draw(entry.target)));
every(".drawing").forEach(place => sizes.observe(place));

document.addEventListener("input", event => {
  say();
  const follows = place => Object.values(place.dataset).flatMap(controls).includes("#" + event.target.id);
  every(".drawing").filter(follows).forEach(draw);
});
say();

function move(slider, place) {
  slider.value = place;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}

for (const button of every(".play")) {
  const slider = document.getElementById(button.dataset.of);
  let timer = 0;
  const turn = playing => {
    clearInterval(timer);
    timer = playing ? setInterval(step, still.matches ? 1000 : button.dataset.pause) : 0;
    button.textContent = playing ? "Pause" : "Play";
    // Or every step would be read aloud.
    for (const line of button.closest("section").querySelectorAll(".reading")) line.ariaLive = playing ? "off" : "polite";
  };
  const step = () => {
    move(slider, +slider.value + 1);
    if (slider.value === slider.max) turn(false);
  };
  button.addEventListener("click", () => {
    if (!timer && slider.value === slider.max) move(slider, 0);
    turn(!timer);
  });
  slider.addEventListener("input", event => { if (event.isTrusted) turn(false); });
}

for (const button of every("[data-guess]")) {
  button.addEventListener("click", () => {
    const verdict = document.getElementById("verdict"), answer = document.getElementById("answer");
    every("[data-guess]").forEach(other => other.setAttribute("aria-pressed", other === button));
    verdict.hidden = false;
    verdict.textContent = ("right" in button.dataset ? "Yes, " : "No, it is ") + verdict.dataset.answer;
    if (!answer.hidden) return;
    answer.hidden = false;
    every(".cover").forEach(cover => { cover.hidden = true; });
    if (!still.matches) document.querySelector(".play[data-of=moment]").click();
  });
}

window.views = {};
for (const place of every(".chart")) {
  const name = place.dataset.chart;
  const spec = { ...charts[name], datasets: { ...charts[name].datasets, ...datasets } };
  vegaEmbed(place, spec, { actions: false, renderer: "svg" })
    .then(({ view }) => { window.views[name] = view; });
}
