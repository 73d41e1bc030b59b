"use strict";
// Squares of runs that held are one path; who points at one is told its seed.
(() => {
document.documentElement.classList.add("scripted")
for (const b of document.querySelectorAll("[data-copy]")) b.onclick = () => { navigator.clipboard && navigator.clipboard.writeText(b.dataset.copy) }
const seeds = JSON.parse(document.getElementById("seeds").textContent) || [], grid = document.querySelector("svg.seeds")
const held = grid.querySelector("path"), title = document.createElementNS("http://www.w3.org/2000/svg", "title")
held.append(title)
held.addEventListener("pointermove", e => {
  const r = grid.getBoundingClientRect(), k = 1180 / r.width
  const i = Math.floor(((e.clientY - r.top) * k - 4) / 14) * 80 + Math.floor(((e.clientX - r.left) * k - 4) / 14)
  if (seeds[i]) title.textContent = seeds[i] + ": holds"
})
})()
