package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Count writes a whole number in groups of three digits: 41,802.
func Count[N int | int64 | uint64](n N) string {
	digits := fmt.Sprint(n)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Counted is a number with its noun: "1 seed", "1,000 seeds".
func Counted[N int | int64 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return Count(n) + " " + noun + "s"
}

// Span writes a length of time, given in seconds, in its two greatest units: 75s is 1m15s, 66,000s is
// 18h20m. A year has 365 days.
func Span(seconds float64) string {
	switch {
	case math.IsNaN(seconds) || math.IsInf(seconds, 0):
		return "?"
	case seconds < 0:
		return "-" + Span(-seconds)
	case seconds == 0:
		return "0s"
	case seconds < 0.001:
		return strconv.FormatFloat(seconds*1e6, 'f', 0, 64) + "µs"
	case seconds < 0.9995:
		return strconv.FormatFloat(seconds*1e3, 'g', 3, 64) + "ms"
	case seconds < 59.95:
		return trim(strconv.FormatFloat(seconds, 'f', 1, 64)) + "s"
	}
	whole := uint64(math.Round(seconds))
	for _, unit := range []struct {
		above       uint64
		size, small uint64
		name, minor string
	}{
		{3 * 365 * 86400, 365 * 86400, 86400, "y", "d"},
		{2 * 86400, 86400, 3600, "d", "h"},
		{3600, 3600, 60, "h", "m"},
		{0, 60, 1, "m", "s"},
	} {
		if whole < unit.above {
			continue
		}
		minor := whole % unit.size / unit.small
		if minor == 0 {
			return Count(whole/unit.size) + unit.name
		}
		return fmt.Sprintf("%s%s%d%s", Count(whole/unit.size), unit.name, minor, unit.minor)
	}
	return ""
}

// At writes a moment of a run, given in seconds since its start: 7.310s; 2h03m20s; 41d 03h20m.
func At(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Hour:
		return strconv.FormatFloat(seconds, 'f', 3, 64) + "s"
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm%02ds", d/time.Hour, d/time.Minute%60, d/time.Second%60)
	default:
		return fmt.Sprintf("%dd %02dh%02dm", d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60)
	}
}

// Rate writes how many come in a second: 0.35, 8.2, 160, 12,000.
func Rate(perSecond float64) string {
	switch {
	case math.IsNaN(perSecond) || math.IsInf(perSecond, 0) || perSecond <= 0:
		return "0"
	case perSecond < 9.95:
		return strconv.FormatFloat(perSecond, 'g', 2, 64)
	case perSecond < 1000:
		return strconv.FormatFloat(perSecond, 'f', 0, 64)
	}
	scale := math.Pow(10, math.Floor(math.Log10(perSecond))-2)
	return Count(int64(math.Round(perSecond/scale) * scale))
}

func trim(decimal string) string { return strings.TrimSuffix(decimal, ".0") }

// left and right fill text with spaces to a width of n characters.
func left(text string, n int) string  { return text + strings.Repeat(" ", max(0, n-runes(text))) }
func right(text string, n int) string { return strings.Repeat(" ", max(0, n-runes(text))) + text }

func runes(text string) int { return utf8.RuneCountInString(text) }

// clip shortens text to n characters and shows that it did.
func clip(text string, n int) string {
	if runes(text) <= n || n < 2 {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// wrap breaks text between words into lines of at most width characters; a word that is longer stands alone.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case runes(line)+1+runes(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
