package decode

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
)

type colour string

func (colour) Values() []string { return []string{"red", "green"} }

type inner struct {
	Depth int `yaml:"depth" min:"1" max:"9"`
}

type everything struct {
	Word    string               `yaml:"word"`
	On      bool                 `yaml:"on"`
	Number  int                  `yaml:"number" min:"-5" max:"1000"`
	Large   int64                `yaml:"large"`
	Small   uint8                `yaml:"small"`
	Ratio   float64              `yaml:"ratio"`
	Wait    time.Duration        `yaml:"wait"`
	Signed  time.Duration        `yaml:"signed,signed"`
	Spread  nodes.Spread         `yaml:"spread"`
	Share   nodes.Percent        `yaml:"share"`
	Size    nodes.Bytes          `yaml:"size"`
	Node    nodes.NodeName       `yaml:"node"`
	Nodes   []nodes.NodeName     `yaml:"nodes"`
	Colour  colour               `yaml:"colour"`
	Colours []colour             `yaml:"colours"`
	Many    Range[int]           `yaml:"many"`
	Shares  Range[nodes.Percent] `yaml:"shares"`
	Pick    Choice[colour]       `yaml:"pick"`
	Maybe   *int                 `yaml:"maybe"`
	Inner   inner                `yaml:"inner"`
}

// read gives what a line in braces says, and what is wrong with it.
func read(t require.TestingT, text string, into any) Problems {
	var problems Problems
	n := Parse("f.yaml", []byte(text), &problems)
	if n != nil {
		d := &Decoder{Problems: &problems}
		d.Struct(n, "", nil, into)
	}
	problems.Sort()
	return problems
}

// If this fails, a file does not mean what it says.
func TestValues(t *testing.T) {
	var got everything
	require.Empty(t, read(t, `{word: "a: b", on: yes, number: -5, large: 9007199254740993, small: 255, ratio: 1.5e3, wait: 1m30s, signed: -2s,
		spread: 20s..60s, share: 0.1%, size: 64KiB, node: a, nodes: [a, b/2], colour: red, colours: [red, green], many: 1..4,
		shares: [1%, 2%], pick: green, maybe: 3, inner: {depth: 9}}`, &got))
	three := 3
	require.Equal(t, everything{Word: "a: b", On: true, Number: -5, Large: 9007199254740993, Small: 255, Ratio: 1500,
		Wait: 90 * time.Second, Signed: -2 * time.Second, Spread: nodes.Spread{Lo: 20 * time.Second, Hi: time.Minute},
		Share: 1000, Size: 64 << 10, Node: "a", Nodes: []nodes.NodeName{"a", "b/2"}, Colour: "red", Colours: []colour{"red", "green"},
		Many: Range[int]{Lo: 1, Hi: 4}, Shares: Range[nodes.Percent]{Choices: []nodes.Percent{10_000, 20_000}},
		Pick: Choice[colour]{[]colour{"green"}}, Maybe: &three, Inner: inner{9}}, got)
}

// If this fails, something that cannot be meant is taken for something, or the message does not say what is
// wrong with it.
func TestRefusals(t *testing.T) {
	for text, want := range map[string]string{
		"on: maybe":             `on: "maybe" is not yes or no`,
		"number: 1.5":           `number: "1.5" is not a whole number`,
		"number: -6":            "number: -6 is out of bounds; it must be at least -5",
		"number: 1001":          "number: 1001 is out of bounds; it must be at most 1000",
		"number: 0x10":          `number: "0x10" is not a whole number`,
		"number: +1":            `number: "+1" is not a whole number`,
		"large: 1e3":            `large: "1e3" is not a whole number`,
		"small: 256":            "small: 256 is too large",
		"small: -1":             `small: "-1" is not a whole number`,
		"ratio: .nan":           `ratio: ".nan" is not a number`,
		"ratio: Inf":            `ratio: "Inf" is not a number`,
		"wait: 10":              `wait: "10" is not a duration such as 20s`,
		"wait: 10 s":            `wait: "10 s" is not a duration such as 20s`,
		"wait: 1.2.3s":          `wait: "1.2.3s" is not a duration such as 20s`,
		"wait: s":               `wait: "s" is not a duration such as 20s`,
		"wait: -1s":             "wait: -1s is less than nothing",
		"wait: 40000d":          `wait: "40000d" is longer than 36500d`,
		"wait: 9e99s":           `wait: "9e99s" is not a duration such as 20s`,
		"wait: 1s..2s":          `wait: "1s..2s" is not a duration such as 20s`,
		"spread: 10":            `spread: "10" is not a duration such as 20s, nor a range such as 20s..60s`,
		"spread: 2s..1s":        "spread: the range 2s..1s runs backwards; write 1s..2s",
		"spread: 2s..":          "spread: a value is missing here",
		"spread: ~0s":           "spread: the mean ~0s is not more than nothing",
		"spread: ~x":            `spread: "x" is not a duration such as 20s`,
		"spread: [1s, x]":       `spread[1]: "x" is not a duration such as 20s`,
		"spread: []":            "spread: this list is empty",
		"spread: {a: 1s}":       "spread: a single value is wanted here, not a mapping",
		"share: 5":              `share: "5" is not a share such as 5%`,
		"share: 101%":           "share: 101% is more than the whole",
		"share: -1%":            `share: "-1%" is not a share such as 5%`,
		"size: 64KB":            `size: "64KB" is not a size such as 64KiB`,
		"size: 9999999999GiB":   `size: "9999999999GiB" is too large`,
		"colour: blue":          `colour: no such word "blue"`,
		"colours: [red, bleu]":  `colours[1]: no such word "bleu"`,
		"many: 4..1":            "many: the range 4..1 runs backwards; write 1..4",
		"many: few":             `many: "few" is not a whole number`,
		"pick: [red, blue]":     `pick[1]: no such word "blue"`,
		"node: [a]":             "node: a single value is wanted here, not a list",
		"word:":                 "word: a value is missing here",
		"word: ~":               "word: a value is missing here",
		"inner: 5":              "inner: this must be a mapping such as {key: value}",
		"inner: {depth: 10}":    "inner.depth: 10 is out of bounds; it must be at most 9",
		"inner: {dept: 1}":      `inner: no such key "dept"`,
		"? [a, b]\n: c":         "a key must be a word",
		"wrod: a":               `no such key "wrod"`,
		"number: 1\nnumber: 2":  `the key "number" stands here twice`,
		"word: &x a\nnode: *x":  "a scenario has no anchors and no aliases",
		"word: !!str a":         "a scenario has no tags",
		"number: 1\n---\nx: 1":  "a file holds one document; here are several",
		"word: \xff":            "this is not UTF-8",
		"":                      "the file is empty",
		"# nothing":             "the file is empty",
		"word: {unclosed":       "did not find expected ',' or '}'",
		"\tword: a":             "found character that cannot start any token",
		"just a word":           "this must be a mapping such as {key: value}",
		"maybe: x":              `maybe: "x" is not a whole number`,
		"word: " + many("x", 3): "",
	} {
		var got everything
		problems := read(t, text, &got)
		if want == "" {
			require.Empty(t, problems, text)
			continue
		}
		require.NotEmpty(t, problems, "%q is taken for something", text)
		first := problems[0].String()
		require.Contains(t, strings.SplitN(first, "\n", 2)[0], want, text)
	}
}

func many(s string, n int) string { return strings.Repeat(s, n) }

// If this fails, somebody who sends a hostile file takes the command's memory or its time.
func TestHostileFiles(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a: &a [x, x, x, x, x, x, x, x, x]\n")
	for c := 'b'; c < 'z'; c++ {
		fmt.Fprintf(&bomb, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	for what, text := range map[string]string{
		"a bomb of aliases":    bomb.String(),
		"deep flow lists":      many("[", 10_000),
		"deep closed lists":    "a: " + many("[", 200) + many("]", 200),
		"deep block maps":      deep(500),
		"too long":             "a: " + many("x", MaxSize),
		"too many values":      "a: [" + many("1,", 150_000) + "1]",
		"a merge key":          "a: &x {b: c}\nd: {<<: *x}",
		"an alias of itself":   "a: &a [*a]",
		"thousands of unknown": many("k", 1) + ": 1\n" + unknownKeys(5000),
	} {
		var got everything
		problems := read(t, text, &got)
		require.NotEmpty(t, problems, what)
		require.LessOrEqual(t, len(problems), most, what)
		require.Less(t, len(problems.Error()), 200_000, what)
	}
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(many(" ", i) + "a:\n")
	}
	return b.String()
}

func unknownKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	return b.String()
}

// If this fails, the caret points beside what is wrong.
func TestTheCaret(t *testing.T) {
	var got everything
	for text, want := range map[string]string{
		"{word: ü, numbr: 1}": "f.yaml:1:11: no such key \"numbr\"\n     1 | {word: ü, numbr: 1}\n       |           ^ did you mean \"number\"?",
		"{" + many(" ", 300) + "numbr: 1, word: " + many("y", 300) + "}": "f.yaml:1:302: no such key \"numbr\"\n     1 | …" + many(" ", 79) + "numbr: 1, word: " + many("y", 145) + "\n       | " + many(" ", 80) + "^ did you mean \"number\"?",
	} {
		problems := read(t, text, &got)
		require.Len(t, problems, 1)
		require.Equal(t, want, problems[0].String())
	}
	p := Problem{File: "f", Line: 1, Column: 4, What: "w", Source: "a\tbc"}
	require.Equal(t, "f:1:4: w\n     1 | a\tbc\n       |  \t ^", p.String())
}

// If this fails, what is written cannot be read back as the same: a plan would not be the plan.
func TestWhatIsWrittenIsRead(t *testing.T) {
	word := rapid.OneOf(rapid.String(), rapid.StringMatching(`[-~?:#&*!|>'"%@{}\[\], a-z0-9.=<\\]{0,8}`))
	duration := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(nodes.Longest)).Draw(t, "d"))
	})
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.IntRange(1, 9).Draw(t, "maybe")
		lo := duration.Draw(t, "lo")
		want := everything{
			Word: word.Draw(t, "word"), On: rapid.Bool().Draw(t, "on"), Number: rapid.IntRange(-5, 1000).Draw(t, "number"),
			Large: rapid.Int64().Draw(t, "large"), Small: rapid.Uint8().Draw(t, "small"), Ratio: rapid.Float64Range(-1e9, 1e9).Draw(t, "ratio"),
			Wait: duration.Draw(t, "wait"), Signed: -duration.Draw(t, "signed"), Share: nodes.Percent(rapid.Uint32Range(0, 1_000_000).Draw(t, "share")),
			Size: nodes.Bytes(rapid.Int64Range(0, 1<<62).Draw(t, "size")), Spread: nodes.Spread{Lo: lo, Hi: max(lo, duration.Draw(t, "hi"))},
			Colour: "green", Colours: []colour{"red"}, Many: Range[int]{Lo: 3, Hi: 3 + some}, Pick: Choice[colour]{[]colour{"red", "green"}},
			Shares: Range[nodes.Percent]{Choices: []nodes.Percent{nodes.Percent(some)}}, Maybe: &some, Inner: inner{some},
			Nodes: []nodes.NodeName{"a", "b/1"}, Node: "a",
		}
		if strings.ContainsFunc(want.Word, func(r rune) bool { return r == 0xfffd || r >= 0xd800 && r < 0xe000 }) {
			t.Skip("not text")
		}
		text := Flow(Encode(&want, nil))
		var got everything
		problems := read(t, text, &got)
		require.Empty(t, problems, "%s", text)
		if want.Word == "" { // is not written, being what it would be anyway
			require.NotContains(t, text, "word:")
		}
		require.Equal(t, want, got, "%s", text)
	})
}

// If this fails, a hint leads astray.
func TestHints(t *testing.T) {
	known := []string{"west", "east", "north", "partition", "pause", "power"}
	for word, want := range map[string]string{
		"eest": "east", "wset": "west", "powr": "power", "POWER": "power", "partiton": "partition", "pasue": "pause",
		"nroth": "north", "x": "", "supplier": "", "": "", many("w", 100): "",
	} {
		require.Equal(t, want, Nearest(word, known), word)
	}
	require.Equal(t, "one of: a, b", Suggest("zzz", []string{"a", "b"}))
}

// If this fails, a draw leaves its range, or never comes to its ends.
func TestRangesAreDrawnWithinTheirEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.IntRange(-1_000_000, 1_000_000).Draw(t, "lo")
		r := Range[int]{Lo: lo, Hi: lo + rapid.IntRange(0, 3_000_000).Draw(t, "width")}
		x := r.At(rapid.Uint64().Draw(t, "u"))
		require.GreaterOrEqual(t, x, r.Min())
		require.LessOrEqual(t, x, r.Max())
		require.Equal(t, r.Lo, r.At(0))
		require.Equal(t, r.Hi, r.At(1<<64-1))
	})
}

// FuzzParse looks for a file that takes the process down.
func FuzzParse(f *testing.F) {
	if data, err := os.ReadFile("../testdata/thunderstorm.yaml"); err == nil {
		f.Add(data)
	}
	f.Add([]byte("{a: [b, c: d], ? e : f}"))
	f.Add([]byte("a: &a [*a]\n--- !!x |\n  y"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got everything
		problems := read(t, string(data), &got)
		_ = problems.Error()
		var again Problems
		if n := Parse("f", data, &again); n != nil { // what is read can be written and read again
			text := n.String()
			back := Parse("g", []byte(text), &again)
			require.NotNil(t, back, "%s\n%s", text, again)
			require.Equal(t, text, back.String())
		}
	})
}
