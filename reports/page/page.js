"use strict";
// The page is whole without this. It adds a crosshair that all charts share, zoom and pan, the filter of the events, and the
// bytes of whatever is pointed at.
(() => {
const data = JSON.parse(document.getElementById("data").textContent)
const page = document.documentElement
page.classList.add("scripted")
const $ = id => document.getElementById(id)
const svgNS = "http://www.w3.org/2000/svg"
const make = (name, attributes, text) => {
  const e = document.createElementNS(svgNS, name)
  for (const k in attributes) e.setAttribute(k, attributes[k])
  if (text !== undefined) e.textContent = text
  return e
}
const box = $("tip-box")
const show = (lines, event) => {
  box.replaceChildren(...lines)
  box.hidden = false
  const r = box.getBoundingClientRect()
  box.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - r.width - 8)) + "px"
  box.style.top = (event.clientY + 18 + r.height > innerHeight ? Math.max(4, event.clientY - r.height - 12) : event.clientY + 18) + "px"
}
const hide = () => { box.hidden = true }
const line = (text, tag) => { const e = document.createElement(tag || "div"); e.textContent = text; return e }
const seconds = ms => (ms / 1000).toFixed(3) + "s"

// What is to be copied.
for (const b of document.querySelectorAll("[data-copy]")) b.onclick = () => {
  navigator.clipboard && navigator.clipboard.writeText(b.dataset.copy).then(() => { b.textContent = "copied"; setTimeout(() => b.textContent = "copy", 1500) })
}

// One window of time for all charts, in milliseconds.
const charts = [...document.querySelectorAll("svg.chart")]
const span = data.right - data.left
let view = { from: 0, to: data.end }
const x = t => data.left + (t - view.from) / (view.to - view.from) * span
const unzoomed = px => (px - data.left) / span * data.end
for (const c of charts) {
  c.hair = make("line", { class: "crosshair", y1: 0, y2: 4000, x1: -9, x2: -9 })
  c.append(c.hair)
  c.time = e => view.from + ((e.clientX - c.getBoundingClientRect().left) / c.getBoundingClientRect().width * 1180 - data.left) / span * (view.to - view.from)
}
const stepOf = length => {
  for (let unit = 1e-3; ; unit *= 10) for (const n of [1, 2, 5]) if (n * unit >= length) return n * unit
}
const label = (t, step) => step >= 1000 ? Math.round(t / 1000) + "s" : (t / 1000).toFixed(Math.min(6, Math.ceil(3 - Math.log10(step) - 1e-9))) + "s"
const initial = charts.map(c => c.querySelector(".ticks").innerHTML)
const draw = () => {
  const k = data.end / (view.to - view.from), whole = k <= 1.0001
  for (const [i, c] of charts.entries()) {
    c.querySelector(".zoomed").setAttribute("transform", whole ? "" : `translate(${x(0) - data.left * k} 0) scale(${k} 1)`)
    for (const t of c.querySelectorAll("text[data-x]")) t.setAttribute("x", x(unzoomed(+t.dataset.x)))
    const ticks = c.querySelector(".ticks")
    if (whole) { ticks.innerHTML = initial[i]; continue }
    const step = stepOf((view.to - view.from) / 9), y = c.viewBox.baseVal.height - 7
    ticks.replaceChildren()
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) ticks.append(make("text", { x: x(t), y, class: "tick", "text-anchor": "middle" }, label(t, step)))
  }
  $("charts").dataset.view = view.from + " " + view.to
  if ($("inview") && $("inview").checked) filter()
}
const zoomTo = (from, to) => {
  const length = Math.min(data.end, Math.max(to - from, data.end / 1e6, 1e-3))
  from = Math.max(0, Math.min(from, data.end - length))
  view = { from, to: from + length }
  draw()
}
const zoom = (factor, at) => zoomTo(at - (at - view.from) * factor, at + (view.to - at) * factor)
const pan = share => zoomTo(view.from + share * (view.to - view.from), view.to + share * (view.to - view.from))
const middle = () => (view.from + view.to) / 2
for (const b of document.querySelectorAll("[data-zoom]")) b.onclick = () => {
  if (b.dataset.zoom === "all") zoomTo(0, data.end)
  else zoom(b.dataset.zoom === "in" ? 0.5 : 2, middle())
}

// The value of a series at a time.
const at = (steps, t) => {
  let low = 0, high = steps.length / 2
  while (low < high) { const m = (low + high) >> 1; steps[2 * m] <= t ? low = m + 1 : high = m }
  return low === 0 ? null : steps[2 * low - 1]
}
const stateAt = (s, t) => {
  let i = -1
  while (i + 1 < s.at.length && s.at[i + 1] <= t) i++
  return i < 0 ? null : s.lines[i]
}
const point = (t, c, event) => {
  for (const o of charts) { o.hair.setAttribute("x1", x(t)); o.hair.setAttribute("x2", x(t)) }
  if (t < 0 || t > data.end) return hide()
  const lines = [line(seconds(t), "b")]
  for (const s of data.charts[c.dataset.chart] || []) {
    const v = at(s.steps, t)
    if (s.unit === "yes") { if (v) lines.push(line("● " + s.name)); continue }
    lines.push(line(s.name + ": " + (v === null ? "nothing" : v + (s.unit === "%" ? "%" : " " + (s.unit || "")))))
  }
  if (c.dataset.chart === "run") for (const s of data.states) { const l = stateAt(s, t); if (l !== null) lines.push(line(s.host + ": " + l)) }
  const title = event.target.querySelector && event.target.querySelector("title")
  if (title && event.target.closest("svg.chart")) lines.splice(1, 0, line(title.textContent))
  show(lines, event)
}
let drag = null
for (const c of charts) {
  c.addEventListener("pointermove", e => {
    if (drag && drag.chart === c && e.buttons) {
      const d = (e.clientX - drag.x) / c.getBoundingClientRect().width * 1180 / span * (drag.to - drag.from)
      if (Math.abs(e.clientX - drag.x) > 3) zoomTo(drag.from - d, drag.to - d)
    }
    point(c.time(e), c, e)
  })
  c.addEventListener("pointerdown", e => { drag = { chart: c, x: e.clientX, from: view.from, to: view.to } })
  c.addEventListener("pointerup", () => { drag = null })
  c.addEventListener("pointerleave", () => { drag = null; hide(); for (const o of charts) { o.hair.setAttribute("x1", -9); o.hair.setAttribute("x2", -9) } })
  c.addEventListener("wheel", e => { if (e.ctrlKey || e.metaKey) { e.preventDefault(); zoom(e.deltaY < 0 ? 0.8 : 1.25, c.time(e)) } }, { passive: false })
  c.addEventListener("dblclick", e => zoom(0.25, c.time(e)))
  c.addEventListener("keydown", e => {
    const act = { ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.5, middle()), "=": () => zoom(0.5, middle()),
      "-": () => zoom(2, middle()), 0: () => zoomTo(0, data.end) }[e.key]
    if (act && !e.ctrlKey && !e.metaKey) { e.preventDefault(); act() }
  })
}

// The space-time diagram: zoom and pan of the whole picture.
const scene = document.querySelector("svg.scene")
if (scene) {
  const full = scene.viewBox.baseVal, w0 = full.width, h0 = full.height
  const set = (vx, vy, w) => {
    w = Math.min(w0, Math.max(w, w0 / 50))
    const h = w / w0 * h0
    full.x = Math.max(0, Math.min(vx, w0 - w)); full.y = Math.max(0, Math.min(vy, h0 - h)); full.width = w; full.height = h
  }
  scene.addEventListener("wheel", e => {
    if (!e.ctrlKey && !e.metaKey) return
    e.preventDefault()
    const r = scene.getBoundingClientRect(), fx = (e.clientX - r.left) / r.width, fy = (e.clientY - r.top) / r.height
    const w = full.width * (e.deltaY < 0 ? 0.8 : 1.25), k = Math.min(w0, w) / full.width
    set(full.x + fx * full.width * (1 - k), full.y + fy * full.height * (1 - k), w)
  }, { passive: false })
  let from = null
  scene.addEventListener("pointerdown", e => { from = { x: e.clientX, y: e.clientY, vx: full.x, vy: full.y } })
  scene.addEventListener("pointermove", e => {
    if (!from || !e.buttons) return
    const r = scene.getBoundingClientRect()
    set(from.vx - (e.clientX - from.x) / r.width * full.width, from.vy - (e.clientY - from.y) / r.height * full.height, full.width)
  })
  for (const end of ["pointerup", "pointerleave"]) scene.addEventListener(end, () => { from = null })
  scene.parentElement.addEventListener("keydown", e => {
    const act = { "+": () => set(full.x + full.width / 4, full.y + full.height / 4, full.width / 2), "-": () => set(full.x - full.width / 2, full.y - full.height / 2, full.width * 2),
      0: () => set(0, 0, w0) }[e.key]
    if (act) { e.preventDefault(); act() }
  })
  for (const a of scene.querySelectorAll("a")) {
    a.draggable = false
    a.addEventListener("click", () => { $("bytes").open = true })
    const tell = e => {
      const row = document.querySelector(a.getAttribute("href")), hex = row.querySelector(".hex")
      show([line(a.querySelector("title").textContent, "b"), line(hex.textContent, "code")], e)
    }
    a.addEventListener("pointermove", tell)
    a.addEventListener("pointerleave", hide)
    a.addEventListener("focus", () => { const r = a.getBoundingClientRect(); tell({ clientX: r.right, clientY: r.bottom }) })
    a.addEventListener("blur", hide)
  }
}

// The events: those that have every word, of that host and sort, and within what the charts show if that is wanted.
const rows = $("rows"), all = data.events
const hexOf = h => h.replace(/(..)/g, "$1 ").trim()
const textOf = h => h.replace(/../g, b => { const c = parseInt(b, 16); return c >= 32 && c < 127 ? String.fromCharCode(c) : "·" })
const rowOf = e => {
  const tr = document.createElement("tr")
  tr.className = "s-" + all.sorts[e[2]]
  for (const text of [(e[0] / 1e6).toFixed(6), all.hosts[e[1]], all.sorts[e[2]], e[3]]) { const td = document.createElement("td"); td.textContent = text; tr.append(td) }
  if (e[4]) {
    tr.addEventListener("pointermove", event => show([line(e[3], "b"), line(hexOf(e[4]), "code"), line(textOf(e[4]), "code"), line(e[5] + " bytes" + (e[4].length / 2 < e[5] ? ", the first " + e[4].length / 2 : ""))], event))
    tr.addEventListener("pointerleave", hide)
  }
  return tr
}
const most = 500
function filter() {
  const words = $("words").value.toLowerCase().split(/\s+/).filter(w => w), host = $("host").value, sort = $("sort").value, inview = $("inview").checked
  const any = words.length || host || sort || inview
  let hits = 0
  const shown = []
  const take = e => {
    if (host && all.hosts[e[1]] !== host || sort && all.sorts[e[2]] !== sort) return
    if (inview && (e[0] / 1000 < view.from || e[0] / 1000 > view.to)) return
    if (words.length) {
      const text = (all.hosts[e[1]] + " " + all.sorts[e[2]] + " " + e[3]).toLowerCase()
      if (!words.every(w => text.includes(w))) return
    }
    hits++
    if (shown.length < most) shown.push(rowOf(e))
  }
  if (any) all.rows.forEach(take)
  else all.shown.forEach(i => take(all.rows[i]))
  rows.replaceChildren(...shown)
  $("count").textContent = shown.length.toLocaleString("en")
  $("which").textContent = any ? (hits > shown.length ? "the first of " + hits.toLocaleString("en") + " that match" : "that match") : which
}
if (rows) {
  var which = $("which").textContent
  for (const id of ["words", "host", "sort", "inview"]) $(id).addEventListener("input", filter)
  $("clear").onclick = () => { $("words").value = $("host").value = $("sort").value = ""; $("inview").checked = false; filter() }
  filter()
}
})()
