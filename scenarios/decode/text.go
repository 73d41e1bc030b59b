package decode

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"simrun/nodes"
)

// NotA is the error of a text that is not what is wanted: "20" is not a rate such as 20/s.
func NotA(text, what string) error { return fmt.Errorf("%q is not %s", Brief(text), what) }

// Brief is a text of the file as a message shows it: no more of it than anybody wants to read.
func Brief(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}

var units = []struct {
	name string
	long time.Duration
}{{"ns", 1}, {"us", time.Microsecond}, {"µs", time.Microsecond}, {"ms", time.Millisecond}, {"s", time.Second},
	{"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}}

// ParseDuration reads 20s, 1m30s, 1.5h, 30d, -2s. The units are ns, us, ms, s, m, h and d; a number without one
// is refused, except 0.
func ParseDuration(text string) (time.Duration, error) {
	bad := NotA(text, "a duration such as 20s")
	rest, negative := strings.CutPrefix(text, "-")
	if rest == "0" {
		return 0, nil
	}
	if rest == "" || len(rest) > 60 {
		return 0, bad
	}
	total := new(big.Rat)
	for rest != "" {
		end := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if end <= 0 {
			return 0, bad
		}
		number, ok := new(big.Rat).SetString(rest[:end])
		if !ok {
			return 0, bad
		}
		rest = rest[end:]
		word := rest
		if i := strings.IndexAny(rest, "0123456789."); i >= 0 {
			word = rest[:i]
		}
		unit := unitOf(word)
		if unit == 0 {
			return 0, bad
		}
		total.Add(total, number.Mul(number, new(big.Rat).SetInt64(int64(unit))))
		rest = rest[len(word):]
	}
	n := new(big.Int).Quo(total.Num(), total.Denom())
	if !n.IsInt64() || n.Int64() > int64(nodes.Longest) {
		return 0, fmt.Errorf("%q is longer than %s", Brief(text), nodes.Short(nodes.Longest))
	}
	if negative {
		return -time.Duration(n.Int64()), nil
	}
	return time.Duration(n.Int64()), nil
}

func unitOf(word string) time.Duration {
	for _, u := range units {
		if u.name == word {
			return u.long
		}
	}
	return 0
}

// ParsePercent reads 5% or 0.1%.
func ParsePercent(text string) (nodes.Percent, error) {
	digits, ok := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || x < 0 || math.IsNaN(x) || strings.ContainsAny(digits, "xXpPeEiInN_+") {
		return 0, NotA(text, "a share such as 5%")
	}
	if x > 100 {
		return 0, fmt.Errorf("%s is more than the whole", Brief(text))
	}
	return nodes.Percent(math.Round(x * 10_000)), nil
}

// ParseBytes reads 512, 64KiB, 1MiB, 2GiB.
func ParseBytes(text string) (nodes.Bytes, error) {
	bad := NotA(text, "a size such as 64KiB")
	digits, unit := text, int64(1)
	for _, u := range []struct {
		name string
		size int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}} {
		if d, ok := strings.CutSuffix(text, u.name); ok {
			digits, unit = d, u.size
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || digits[0] == '+' {
		return 0, bad
	}
	if n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is too large", Brief(text))
	}
	return nodes.Bytes(n * unit), nil
}

func parseInt(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strings.HasPrefix(text, "+") {
		return 0, NotA(text, "a whole number")
	}
	return n, nil
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true", "yes", "on":
		return true, nil
	case "false", "no", "off":
		return false, nil
	}
	return false, NotA(text, "yes or no")
}

func parseFloat(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || strings.ContainsAny(text, "xXpP_") {
		return 0, NotA(text, "a number")
	}
	return x, nil
}

// TextParser is a quantity that reads itself from the text of a scalar.
type TextParser interface {
	ParseText(text string) error
}

// parseInto reads a quantity into what p points to.
func parseInto(p any, text string) (err error) {
	switch p := p.(type) {
	case TextParser:
		err = p.ParseText(text)
	case *time.Duration:
		*p, err = ParseDuration(text)
	case *nodes.Percent:
		*p, err = ParsePercent(text)
	case *nodes.Bytes:
		*p, err = ParseBytes(text)
	case *int:
		var n int64
		n, err = parseInt(text)
		*p = int(n)
	default:
		panic(fmt.Sprintf("decode: no way to read a %T from text", p))
	}
	return err
}
