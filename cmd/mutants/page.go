package main

import (
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"simrun/reports"
)

// system is a part of the house whose bugs stand in one table.
type system struct {
	title string
	below []string // folders of patches
}

var systems = []system{
	{"The job server, its workers and clients", []string{"nodes/gearman/"}},
	{"The disk, and the journal on it", []string{"nodes/journal/", "sim/disk/"}},
	{"Clocks", []string{"clock/"}},
	{"The durable store", []string{"nodes/kv/testdata/", "nodes/kv/single/", "nodes/kv/front/"}},
	{"Copies that agree by Raft", []string{"nodes/raft/", "nodes/kv/raftkv/"}},
	{"Raft that others wrote", []string{"examples/etcdraft/"}},
	{"A primary, its replicas and monitors", []string{"nodes/kv/primary/"}},
	{"Hash slots over several groups", []string{"nodes/kv/shards/"}},
	{"The ring", []string{"nodes/kv/ringkv/", "nodes/ring/"}},
	{"The partitioned log", []string{"nodes/log/"}},
	{"Code that nobody here wrote", []string{"examples/etcdraft/"}},
	{"The simulator itself", []string{"sim/", "netmodel/"}},
	{"Others", []string{""}},
}

// systemOf is the index of the system that a patch spoils.
func systemOf(patch string) int {
	return slices.IndexFunc(systems, func(s system) bool {
		return slices.ContainsFunc(s.below, func(dir string) bool { return strings.HasPrefix(patch, dir) })
	})
}

// page tells of a campaign in which nothing is missing, in Markdown.
func page(c *campaign, sweeps []*calm) string {
	var b strings.Builder
	b.WriteString(`# Track record

Bugs that real systems had, or that a simulation found here, planted in this project's own source one at a time. Each is a patch under
` + "`testdata/mutants`" + ` of the package that it spoils, and the scenarios that find it are those that are built in. It must be caught by the claim that stands
beside it, must not be seen without the faults that expose it (where it needs any), and the code as it is must hold on the same seed. ` + "`go run ./cmd/mutants`" + ` replays
the seeds that stand here; [planting bugs](planting-bugs.md) says how that works, and how this page is made.

`)
	summary(&b, c)
	falseAlarms(&b, sweeps)
	firsts(&b, c)
	b.WriteString("## How long it takes\n\nEach bug is looked for from " + reports.Counted(c.bases, "first seed") + ", first by plain sweeps, then by [guided ones](guidance.md); " +
		"the two are the same for sixteen runs,\nand \"same\" says that it was found in these. Medians of seeds and of seconds, on " + reports.Counted(runtime.NumCPU(), "core") +
		", from the start of the command on. The least plan is how many faults\nare left of those that its seed draws.\n")
	for i, s := range systems {
		rows := ""
		for _, e := range c.entries {
			if systemOf(patchOf(c.nursery.root, e.mutant)) == i {
				rows += e.rows(c.budget)
			}
		}
		if rows != "" {
			fmt.Fprintf(&b, "\n### %s\n\n| bug | where it happened | scenario: claim (checker) | plain | guided | least | seed |\n|---|---|---|---|---|---|---|\n%s", s.title, rows)
		}
	}
	leastPlans(&b, c)
	return b.String()
}

func patchOf(root string, m *mutant) string {
	path, err := filepath.Rel(root, m.path)
	if err != nil {
		return m.path
	}
	return filepath.ToSlash(path)
}

// rows are a mutant's lines of its table, one for each claim.
func (e *entry) rows(budget time.Duration) (rows string) {
	for i, f := range e.Findings {
		bug, source := "**"+e.name+"** "+e.bug, e.source
		if i > 0 {
			bug, source = "**"+e.name+"** by another claim", ""
		}
		plain, guided := middles(f.Search.Plain), middles(f.Search.Guided)
		said := guided.String()
		switch {
		case e.points > 1 || f.Batch:
			said = "-"
		case slices.Equal(f.Search.Plain, f.Search.Guided) && !f.never():
			said = "same"
		}
		if f.Verdict != caught {
			said = "**" + f.Verdict + "**"
		}
		least := "no fault"
		switch {
		case f.Least != nil && f.Least.Again:
			least = fmt.Sprintf("%d of %d", len(f.Least.Faults), f.Least.From)
		case f.Batch:
			least = "all seeds at once"
		case f.Shrinks || f.Verdict != caught:
			least = "-"
		}
		rows += fmt.Sprintf("| %s | %s | %s: %s (%s) | %s | %s | %s | `%s` |\n", bug, source, e.scenario, f.Claim, f.Check, plain, said, least, f.Seed)
	}
	return rows
}

// typical is the median of seeds and that of seconds; never if more than half of the hunts were in vain.
type typical struct {
	seeds   int
	seconds float64
}

func middles(hunts []hunt) typical {
	if len(hunts) == 0 {
		return typical{}
	}
	return typical{middle(hunts, bySeeds).Seeds, middle(hunts, bySeconds).Seconds}
}

func (t typical) String() string {
	if t.seeds == 0 {
		return fmt.Sprintf("not in %.0f s", t.seconds)
	}
	return fmt.Sprintf("%s, %.1f s", reports.Counted(t.seeds, "seed"), t.seconds)
}

// never says that most of the plain searches were in vain.
func (f finding) never() bool { return middles(f.Search.Plain).seeds == 0 }

// summary tells how many there are, and how soon they are found.
func summary(b *strings.Builder, c *campaign) {
	var plain, guided []hunt // the median of each pair
	var late, never, wrong []string
	pairs, soon, named := 0, 0, 0
	for _, e := range c.entries {
		if e.isNamed() {
			named++
		}
		for _, f := range e.Findings {
			pairs++
			if f.Verdict != caught {
				wrong = append(wrong, fmt.Sprintf("%s by %s: %s", e.name, f.Claim, f.Verdict))
			}
			if len(f.Search.Plain) == 0 {
				continue // it was never caught at all
			}
			p, g := middles(f.Search.Plain), middles(f.Search.Guided)
			plain, guided = append(plain, hunt{Seeds: p.seeds, Seconds: p.seconds}), append(guided, hunt{Seeds: g.seeds, Seconds: g.seconds})
			switch {
			case p.seeds == 0:
				never = append(never, fmt.Sprintf("%s by %s (%.0f s in vain)", e.name, f.Claim, p.seconds))
			case p.seconds > 60:
				late = append(late, fmt.Sprintf("%s by %s (%.0f s)", e.name, f.Claim, p.seconds))
			default:
				soon++
			}
		}
	}
	fmt.Fprintf(b, "**%s, %s of a bug and a claim that must see it.** %d of the bugs happened in systems that are named. Plain random finds\n%d of the pairs within 60 s of %s in most searches. "+
		"The median over the pairs is %s, and one in ten takes longer than %s; with guidance\nthe median is %s, and one in ten takes longer than %s.\n\n",
		reports.Counted(len(c.entries), "bug"), reports.Counted(pairs, "pair"), named, soon, reports.Counted(runtime.NumCPU(), "core"),
		inSeconds(plain, 0.5), inSeconds(plain, 0.9), inSeconds(guided, 0.5), inSeconds(guided, 0.9))
	for _, list := range []struct {
		what string
		of   []string
	}{{"Found, but not within 60 s", late}, {"Not found in most searches, within the time that they had", never}, {"Not as it should be", wrong}} {
		if len(list.of) > 0 {
			fmt.Fprintf(b, "%s: %s.\n\n", list.what, strings.Join(list.of, "; "))
		}
	}
}

// isNamed says whether the bug's source is a system that had it, or a paper, and not this one, or anybody.
func (m *mutant) isNamed() bool {
	return !slices.ContainsFunc([]string{"not known", "found here", "anywhere"}, func(nobody string) bool { return strings.Contains(m.source, nobody) }) && m.source != "-"
}

// inSeconds is a quantile of how long it takes; of hunts in vain it is beyond all.
func inSeconds(hunts []hunt, q float64) string {
	if len(hunts) == 0 {
		return "unknown"
	}
	seconds := make([]float64, len(hunts))
	for i, h := range hunts {
		if seconds[i] = h.Seconds; h.Seeds == 0 {
			seconds[i] = math.Inf(1)
		}
	}
	slices.Sort(seconds)
	at := seconds[min(int(q*float64(len(seconds))), len(seconds)-1)]
	if math.IsInf(at, 1) {
		return "the time it had"
	}
	return fmt.Sprintf("%.1f s", at)
}

// firsts tells by which mutants the bugs of the first list are planted.
func firsts(b *strings.Builder, c *campaign) {
	by := map[int][]string{}
	for _, e := range c.entries {
		for _, n := range e.known {
			by[n] = append(by[n], e.name)
		}
	}
	fmt.Fprintf(b, "## The first %d\n\nBefore anything here was built there was a list of %d bugs that a toolkit like this has to find. %d of them are planted:\n\n"+
		"| no. | planted as |\n|---|---|\n", firstBugs, firstBugs, len(by))
	for n := 1; n <= firstBugs; n++ {
		planted := strings.Join(by[n], ", ")
		if planted == "" {
			planted = "**not planted**"
		}
		fmt.Fprintf(b, "| %d | %s |\n", n, planted)
	}
	b.WriteString("\n")
}

// falseAlarms tells what sweeps of the code as it is came to.
func falseAlarms(b *strings.Builder, sweeps []*calm) {
	if len(sweeps) == 0 {
		return
	}
	all := &calm{}
	for _, s := range sweeps {
		all.seeds += s.seeds
		all.alarmed += s.alarmed
		all.seconds += s.seconds
		all.undecided += s.undecided
		all.alarms = append(all.alarms, s.alarms...)
	}
	fmt.Fprintf(b, "## False alarms\n\nThe code as it is was swept too: %s of %s, %s of simulated time. ", reports.Counted(all.seeds, "seed"),
		reports.Counted(len(sweeps), "scenario"), days(all.seconds))
	if all.alarmed == 0 {
		fmt.Fprintf(b, "**None of them is violated**: by the rule of three, fewer than one run in %s is\nwith 95 %% confidence.", reports.Count(all.seeds/3))
	} else {
		fmt.Fprintf(b, "**%s violated**, among them %s.", reports.Counted(all.alarmed, "run"), strings.Join(all.alarms[:min(len(all.alarms), 20)], "; "))
	}
	named := slices.ContainsFunc(sweeps, func(s *calm) bool {
		return slices.ContainsFunc(s.commits, func(commit string) bool { return commit != notSaid })
	})
	b.WriteString("\n\n| scenario | seeds | simulated | violated | undecided |" + only(named, " commit |") + "\n|---|---|---|---|---|" + only(named, "---|") + "\n")
	for _, s := range sweeps {
		for i, commit := range s.commits {
			s.commits[i] = commit[:min(len(commit), 12)]
		}
		fmt.Fprintf(b, "| %s | %s | %s | %d | %d |%s\n", s.scenario, reports.Count(s.seeds), days(s.seconds), s.alarmed, s.undecided,
			only(named, " "+strings.Join(s.commits, ", ")+" |"))
	}
	b.WriteString("\n")
}

// only is the text if it is to be there.
func only(wanted bool, text string) string {
	if wanted {
		return text
	}
	return ""
}

func days(seconds float64) string {
	switch {
	case seconds < 48*3600:
		return fmt.Sprintf("%.1f hours", seconds/3600)
	case seconds < 3*365.25*86400:
		return fmt.Sprintf("%.1f days", seconds/86400)
	default:
		return reports.Counted(int(seconds/(365.25*86400)), "year")
	}
}

// mostTold is how many faults of a least plan are told. Where more are left there was no time to look further.
const mostTold = 12

func leastPlans(b *strings.Builder, c *campaign) {
	b.WriteString(`
## The least that shows it

What is left of each plan once all faults, nodes and work that the violation does not need are taken away; each was run again, and shows it, while the code as it is
holds. Where that does not, too little was left for the claim to tell the bug by: a plan says nothing of it then.

`)
	for _, e := range c.entries {
		for _, f := range e.Findings {
			if f.Least == nil {
				continue
			}
			if !f.Least.Again {
				fmt.Fprintf(b, "- %s violates %s; what is left of %s is too much for the code as it is too\n", e.name, f.Claim, reports.Counted(f.Least.From, "fault"))
				continue
			}
			if n := len(f.Least.Faults); n > mostTold {
				fmt.Fprintf(b, "- %s violates %s; of %s %d are left, and it was not looked for longer\n", e.name, f.Claim, reports.Counted(f.Least.From, "fault"), n)
				continue
			}
			fmt.Fprintf(b, "- %s violates %s; of %s:\n", e.name, f.Claim, reports.Counted(f.Least.From, "fault"))
			for _, fault := range f.Least.Faults {
				fmt.Fprintf(b, "  - `%s`\n", fault)
			}
		}
	}
}
