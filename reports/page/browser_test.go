//go:build clients

package page

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"simrun/reports/recording"
	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// browser is Chromium with one page open, and what it complained of.
type browser struct {
	*testing.T
	ctx        context.Context
	mu         sync.Mutex
	complaints []string
}

// open shows a page to Chromium.
func open(t *testing.T, name string, text []byte) *browser {
	file := filepath.Join(t.TempDir(), name+".html")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	o := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 900), chromedp.Flag("force-color-profile", "srgb"))
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), o...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	b := &browser{T: t, ctx: ctx}
	require.NoError(t, chromedp.Do(ctx)) // it is there, for as long as its context
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	b.ctx = ctx
	require.NoError(t, chromedp.Listen(ctx, func(e any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			b.complaints = append(b.complaints, e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == "error" || e.Type == "warning" {
				b.complaints = append(b.complaints, fmt.Sprint(e.Type, e.Args))
			}
		case *log.EventEntryAdded:
			b.complaints = append(b.complaints, e.Entry.Text)
		}
	}))
	b.do(chromedp.Navigate("file://" + file))
	return b
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	require.NoError(b, chromedp.Do(b.ctx, actions...))
}

// run runs a statement in the page.
func (b *browser) run(statement string) {
	b.Helper()
	eval[bool](b, "(() => {"+statement+"; return true})()")
}

// enter writes into a field, or chooses, as a person would see it done.
func (b *browser) enter(id, value string) {
	b.Helper()
	b.run(fmt.Sprintf(`const f = document.getElementById(%q); f.focus(); f.value = %q; f.dispatchEvent(new Event("input", {bubbles: true}))`, id, value))
}

// emulate has the page seen as on paper ("print"), or in a colour scheme.
func (b *browser) emulate(media, scheme string) {
	b.Helper()
	params := emulation.SetEmulatedMediaParams{Media: media}
	if scheme != "" {
		params.Features = []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
	}
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, params)
	require.NoError(b, err)
}

// eval is what an expression comes to.
func eval[T any](b *browser, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b, err, expression)
	return value
}

// shoot writes what is to be seen to where SIMRUN_SCREENSHOTS says.
func (b *browser) shoot(name string) {
	b.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(b, err)
	require.Greater(b, len(picture), 10_000)
	if folder := os.Getenv("SIMRUN_SCREENSHOTS"); folder != "" {
		require.NoError(b, os.MkdirAll(folder, 0o777))
		require.NoError(b, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644))
	}
}

// quiet holds that nothing was complained of.
func (b *browser) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b, b.complaints)
}

// overlapping is the texts in pictures that cover each other, by their boxes on the screen. The × and ? of latencies are data, not
// labels; what lies outside of its picture is not seen.
const overlapping = `(() => {
  const bad = []
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect()
    const boxes = [...svg.querySelectorAll("text:not(.sign):not(.mark):not(.cell-sign)")].map(t => {
      let r = t.getBoundingClientRect()
      const clip = t.closest("[clip-path]")
      let left = r.left, right = r.right
      if (clip) { // of what is cut off, the part that is seen
        const k = frame.width / 1180
        left = Math.max(left, frame.left + 132 * k); right = Math.min(right, frame.left + 1168 * k)
      }
      return { text: t.textContent, left, right, top: r.top, bottom: r.bottom }
    }).filter(b => b.right - b.left > 1 && b.right > frame.left && b.left < frame.right)
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
      const a = boxes[i], b = boxes[j]
      const w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
      if (w > 1 && h > 3) bad.push(a.text + " | " + b.text)
    }
  }
  return bad
})()`

// legible holds that no label covers another, and that the page is not wider than the window.
func (b *browser) legible(when string) {
	b.Helper()
	require.Empty(b, eval[[]string](b, overlapping), when)
	require.LessOrEqual(b, eval[float64](b, `document.documentElement.scrollWidth - innerWidth`), 0.0, when)
}

// point moves the mouse to a share of a chart's width.
func (b *browser) point(chart string, share float64) {
	b.Helper()
	b.run(fmt.Sprintf(`document.querySelector('svg[data-chart="%s"]').scrollIntoView({block: "center"})`, chart))
	at := eval[[]float64](b, fmt.Sprintf(`(() => { const r = document.querySelector('svg[data-chart="%s"]').getBoundingClientRect(); return [r.left + r.width * %f, r.top + r.height / 2] })()`, chart, share))
	b.do(chromedp.MouseEvent("mouseMoved", at[0], at[1]))
}

// cases are real runs, one for each verdict.
func cases(t *testing.T) map[string]*recording.Recording {
	return map[string]*recording.Recording{
		"holds":    recorded(t, "thunderstorm", "8"),
		"violated": recorded(t, "no-journal", "e3bb0a1e6572c98a", "claims.no-job-lost.expect=holds"),
		"unsynced": lost(t),
		"unknown":  recorded(t, "thunderstorm", "8", "claims.job-is-atomic.check.states=1"),
		"raft":     recorded(t, "raft-storm", "1"),
	}
}

// If this failed, somebody would open a report and not be able to read it, or to look closer.
func TestReportsInABrowser(t *testing.T) {
	for name, r := range cases(t) {
		t.Run(name, func(t *testing.T) {
			b := open(t, name, []byte(written(t, r, Options{Command: "simrun", Run: name, Files: []string{"result.json"}})))
			word := map[scenarios.Verdict]string{scenarios.Holds: "holds", scenarios.Violated: "violated", scenarios.Unknown: "is unknown"}[r.Result.Judge()]
			require.Contains(t, eval[string](b, `document.querySelector("h1").innerText`), word)
			b.legible("as it opens")
			b.shoot("report-" + name)

			// The crosshair is at one time in all charts, and tells what they have there.
			b.point("run", 0.4)
			hairs := eval[[]string](b, `[...document.querySelectorAll(".crosshair")].map(h => h.getAttribute("x1"))`)
			require.Greater(t, len(hairs), 3)
			for _, x := range hairs {
				require.Equal(t, hairs[0], x)
			}
			require.Greater(t, eval[float64](b, `+document.querySelector(".crosshair").getAttribute("x1")`), 132.0)
			require.Regexp(t, `^\d+\.\d{3}s`, eval[string](b, `document.getElementById("tip-box").innerText`))
			b.point("availability", 0.3)
			require.Regexp(t, `: (\d+(\.\d)?%|nothing)`, eval[string](b, `document.getElementById("tip-box").innerText`))

			// All charts are zoomed at once, with the keyboard too, and stay legible.
			whole := eval[string](b, `document.querySelector(".ticks").textContent`)
			b.run(`document.querySelector('[data-zoom="in"]').click()`)
			require.NotEqual(t, whole, eval[string](b, `document.querySelector(".ticks").textContent`))
			transforms := eval[[]string](b, `[...document.querySelectorAll(".zoomed")].map(g => g.getAttribute("transform"))`)
			for _, transform := range transforms {
				require.Equal(t, transforms[0], transform)
				require.Contains(t, transform, "scale(2")
			}
			b.run(`document.querySelector('svg[data-chart="run"]').focus()`)
			b.do(chromedp.KeyEvent("+"))
			require.Contains(t, eval[string](b, `document.querySelector(".zoomed").getAttribute("transform")`), "scale(4")
			b.legible("zoomed in")
			b.shoot("report-" + name + "-zoomed")
			b.do(chromedp.KeyEvent("0"))
			require.Equal(t, whole, eval[string](b, `document.querySelector(".ticks").textContent`))
			require.Equal(t, "", eval[string](b, `document.querySelector(".zoomed").getAttribute("transform")`))

			// The filter shows the events that have every word, and says how many.
			before := eval[int](b, `document.querySelectorAll("#rows tr").length`)
			b.enter("words", "starts life")
			filtered := eval[[]string](b, `[...document.querySelectorAll("#rows tr")].map(r => r.innerText.toLowerCase())`)
			for _, row := range filtered {
				require.Contains(t, row, "life")
				require.Contains(t, row, "starts")
			}
			require.Equal(t, fmt.Sprint(len(filtered)), eval[string](b, `document.getElementById("count").textContent`))
			b.run(`document.getElementById("clear").click()`)
			b.enter("sort", "fault")
			sorts := eval[[]string](b, `[...new Set([...document.querySelectorAll("#rows tr td:nth-child(3)")].map(c => c.textContent))]`)
			require.Equal(t, []string{"fault"}, sorts)
			b.run(`document.getElementById("clear").click()`)
			require.Equal(t, before, eval[int](b, `document.querySelectorAll("#rows tr").length`))

			b.moment(r.Slice() != nil)
			b.quiet()
		})
	}
}

// moment looks closely at the space-time diagram.
func (b *browser) moment(there bool) {
	if !there {
		require.False(b, eval[bool](b, `!!document.querySelector("svg.scene")`))
		return
	}
	b.run(`document.querySelector("svg.scene").scrollIntoView(); document.querySelector("svg.scene a").focus()`)
	require.Contains(b, eval[string](b, `document.getElementById("tip-box").innerText`), "0000  ", "the bytes of the arrow that has the focus")
	require.False(b, eval[bool](b, `document.getElementById("bytes").open`))
	b.run(`document.querySelector("svg.scene a").dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}))`)
	require.True(b, eval[bool](b, `document.getElementById("bytes").open`))
	width := eval[float64](b, `document.querySelector("svg.scene").viewBox.baseVal.width`)
	b.run(`document.querySelector(".scroll").focus(); document.querySelector(".scroll").dispatchEvent(new KeyboardEvent("keydown", {key: "+"}))`)
	require.InDelta(b, width/2, eval[float64](b, `document.querySelector("svg.scene").viewBox.baseVal.width`), 1)
}

// If this failed, a report could not be read at night, on paper, on a small screen, or without a script.
func TestAReportInTheDarkOnPaperAndWithoutAScript(t *testing.T) {
	r := recorded(t, "no-journal", "e3bb0a1e6572c98a", "claims.no-job-lost.expect=holds")
	text := written(t, r, Options{Command: "simrun", Run: "no-journal@e3bb0a1e6572c98a", Files: []string{"result.json"}})
	b := open(t, "dark", []byte(text))
	light := eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	b.emulate("", "dark")
	require.NotEqual(t, light, eval[string](b, `getComputedStyle(document.body).backgroundColor`))
	b.shoot("report-dark")
	b.emulate("print", "")
	require.Equal(t, "none", eval[string](b, `getComputedStyle(document.querySelector(".filters")).display`))
	b.legible("on paper")
	paper, err := chromedp.Call(b.ctx, page.PrintToPDF, page.PrintToPDFParams{PrintBackground: new(true)})
	require.NoError(t, err)
	require.NotEmpty(t, paper.Data)
	b.emulate("", "light")
	b.do(chromedp.EmulateViewport(420, 800))
	require.LessOrEqual(t, eval[float64](b, `document.documentElement.scrollWidth - innerWidth`), 0.0, "on a small screen")
	b.shoot("report-small")
	b.quiet()

	plain := open(t, "plain", []byte(text))
	_, err = chromedp.Call(plain.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	require.NoError(t, err)
	plain.do(chromedp.Reload())
	shown, err := chromedp.Run(plain.ctx, chromedp.Text("body"))
	require.NoError(t, err)
	for _, part := range []string{"violated 1 of 6 claims", "has written nothing to its disk", "cut-power supplier-1", "JOB_CREATED"} {
		require.Contains(t, shown, part)
	}
	require.NotContains(t, shown, "zoom in", "what needs a script is not shown without one")
}

// If this failed, a sweep's page could not be read.
func TestASweepInABrowser(t *testing.T) {
	n := 0
	batch, err := explore.Sweep{Scenario: "no-journal", Base: 1, Count: 300, Jobs: 1, KeepGoing: true, Run: func(turn explore.Turn) (*scenarios.Result, error) {
		v := scenarios.Holds
		if n++; n%17 == 5 {
			v = scenarios.Violated
		} else if n%29 == 3 {
			v = scenarios.Unknown
		}
		return &scenarios.Result{Seed: scenarios.FormatSeed(turn.Seed), Verdict: v, Sometimes: map[string]int{}, Claims: []scenarios.ClaimResult{{Claim: "no-job-lost", Verdict: v, Expect: scenarios.Holds}}}, nil
	}}.Do()
	require.NoError(t, err)
	var cells []Cell
	for i := range 300 {
		v := scenarios.Holds
		if (i+1)%17 == 5 {
			v = scenarios.Violated
		} else if (i+1)%29 == 3 {
			v = scenarios.Unknown
		}
		cells = append(cells, Cell{Seed: fmt.Sprintf("%016x", i), Verdict: v})
	}
	var text bytes.Buffer
	require.NoError(t, WriteBatch(&text, batch, cells, 300, Options{Command: "simrun"}))
	b := open(t, "batch", text.Bytes())
	b.legible("a sweep")
	require.Equal(t, 18, eval[int](b, `document.querySelectorAll(".cell-violated").length`))
	require.True(t, strings.Contains(eval[string](b, `document.querySelector("h1").innerText`), "violated"))
	b.shoot("sweep")
	b.quiet()
}
