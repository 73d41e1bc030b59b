package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/sim/simtest/golden"
)

// root is the top of the project, from here.
const root = "../.."

// block is a fenced part of a page.
type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

func blocks(t *testing.T, page string) (all []block) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		all = append(all, block{m[1], m[2]})
	}
	return all
}

// reader follows a page in a folder of their own: what it calls simrun is the command as built, what it runs by
// `go run` is built and run there, and the project's own files are where the page says.
func reader(t *testing.T) *desk {
	d := sitDown(t)
	for _, name := range []string{"scenarios", "examples", "cmd", "docs"} {
		path, err := filepath.Abs(filepath.Join(root, name))
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, d.path(name)))
	}
	return d
}

// prelude makes `go` do its work in the project and leave what it builds and runs in the reader's folder.
const prelude = `set -e
go() {
	case "$1" in
	build) (cd "$PROJECT" && command go build -o "$HERE/" "${@:2}") ;;
	vet) (cd "$PROJECT" && command go "$@") ;;
	run) (cd "$PROJECT" && command go build -o "$HERE/.bin" "$2") && "$HERE/.bin" "${@:3}" ;;
	*) echo "the page says: go $*" >&2; return 1 ;;
	esac
}
`

// follow runs one line of a page and gives its output and exit code. A server is asked to stop once it is up.
func (d *desk) follow(line string) (string, int) {
	d.Helper()
	project, err := filepath.Abs(root)
	require.NoError(d, err)
	ctx, cancel := context.WithTimeout(d.Context(), 5*time.Minute)
	defer cancel()
	serves := strings.HasPrefix(line, "simrun serve ")
	if serves {
		line = "exec " + d.elsewhere(line)
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", prelude+line)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(simrun)+":"+os.Getenv("PATH"), "PROJECT="+project, "HERE="+d.dir, "GITHUB_ACTIONS=")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if serves {
		log, err := os.Create(d.path("log"))
		require.NoError(d, err)
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
		require.NoError(d, cmd.Start())
		require.Eventually(d, func() bool { return strings.Contains(d.read("log"), "msg=accepting") }, time.Minute, 10*time.Millisecond)
		require.NoError(d, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // the exit code says it
		return d.read("log"), cmd.ProcessState.ExitCode()
	}
	_ = cmd.Run() // likewise
	return said.String(), cmd.ProcessState.ExitCode()
}

var address = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// elsewhere gives each address of a line a port that is free, for several pages are followed at once.
func (d *desk) elsewhere(line string) string {
	found := map[string]string{}
	return address.ReplaceAllStringFunc(line, func(a string) string {
		if found[a] == "" {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(d, err)
			defer l.Close()
			found[a] = l.Addr().String()
		}
		return found[a]
	})
}

var exits = regexp.MustCompile(`\s+# exits with (\d)$`)

// Everything that the README does with the command works. What builds programs of its own, and the commands of all other
// pages, are tried where changes are taken (pages_test.go).
func TestEveryCommandOfTheReadmeWorks(t *testing.T) {
	followPage(t, filepath.Join(root, "README.md"), 8, func(line string) bool { return strings.HasPrefix(line, "simrun ") })
}

// followPage does what a page shows as it stands, line by line, in one folder, as far as it is chosen, with so many seeds where
// the page has many. A line may say that it ends with another code than 0.
func followPage(t *testing.T, page string, seeds int, chosen func(line string) bool) {
	d := reader(t)
	for _, b := range blocks(t, page) {
		if name, ok := strings.CutPrefix(strings.SplitN(b.text, "\n", 2)[0], "scenario: "); ok && b.language == "yaml" {
			d.write(name+".yaml", b.text)
		}
		if b.language != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			line = strings.TrimSpace(line)
			if line == "go test ./..." || !chosen(line) {
				continue // the first is this
			}
			want := "0"
			if m := exits.FindStringSubmatch(line); m != nil {
				line, want = strings.TrimSuffix(line, m[0]), m[1]
			}
			said, code := d.follow(tamed(line, seeds))
			require.Equal(t, want, string(rune('0'+code)), "%s\n%s", line, said)
		}
	}
}

var (
	many = regexp.MustCompile(`--seeds 1\d+`)
	runs = regexp.MustCompile(`^(simrun|go run \./\S+) ([a-z-]+|\S+\.yaml)( --|$)`)
)

// tamed is the line as it takes a second, and the same each time: fewer seeds, and none that is drawn. What was kept under
// runs has its seed.
func tamed(line string, seeds int) string {
	line = many.ReplaceAllString(line, fmt.Sprintf("--seeds %d", seeds))
	if runs.MatchString(line) && !strings.HasPrefix(line, "simrun check-history ") && !strings.Contains(line, " runs/") &&
		!strings.Contains(line, "--seed ") {
		line += " --seed 1"
	}
	return line
}

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]*))?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// If this failed, a page would lead nowhere, or nobody would be led to it.
func TestLinksLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	readme := filepath.Join(root, "README.md")
	for _, page := range append(pages, readme) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			to := filepath.Join(filepath.Dir(page), m[1])
			switch {
			case strings.Contains(m[1], "://"):
				continue
			case m[1] == "":
				to = page
			}
			_, err := os.Stat(to)
			require.NoError(t, err, "%s links to %s", page, m[1])
			if m[2] == "" {
				continue
			}
			there, err := os.ReadFile(to)
			require.NoError(t, err)
			var anchors []string
			for _, h := range heading.FindAllStringSubmatch(string(there), -1) {
				anchors = append(anchors, strings.ReplaceAll(strings.ToLower(h[1]), " ", "-"))
			}
			require.Contains(t, anchors, m[2], "%s links to a part of %s", page, to)
		}
	}
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	for _, page := range pages {
		require.True(t, strings.Contains(string(text), "(docs/"+filepath.Base(page)+")"), "the README does not lead to %s", page)
	}
}

// If this failed, somebody would have written a storm of which nobody hears.
func TestTheReadmeNamesEveryScenario(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	var named []string
	for row := range strings.Lines(string(text)) {
		if cells := strings.Split(row, "|"); len(cells) == 5 {
			named = append(named, regexp.MustCompile(`[a-z-]+`).FindAllString(cells[3], -1)...)
		}
	}
	require.Subset(t, named, scenarios.Names())
}

// What the README shows as printed is what is printed, figures aside: they follow the code, and are written
// anew with -rewrite.
func TestTheReadmeShowsWhatIsPrinted(t *testing.T) {
	d := reader(t)
	page := filepath.Join(root, "README.md")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	shown := 0
	fresh := fence.ReplaceAllStringFunc(string(text), func(part string) string {
		m := fence.FindStringSubmatch(part)
		command, printed, _ := strings.Cut(m[2], "\n")
		if m[1] != "console" {
			return part
		}
		shown++
		said, _ := d.follow(strings.TrimPrefix(command, "$ "))
		if !golden.Rewriting() {
			require.Equal(t, marks(said), marks(printed), "%s\n%s", command, said)
		}
		return "```console\n" + command + "\n" + said + "```"
	})
	require.Equal(t, 2, shown)
	if golden.Rewriting() {
		require.NoError(t, os.WriteFile(page, []byte(fresh), 0o644))
	}
}

var mark = regexp.MustCompile(`(?m)^ *([✓✗?●○] \S+)|^\S+ (holds|is violated)`)

// marks are the verdicts of an output, without its figures.
func marks(text string) []string { return mark.FindAllString(text, -1) }
