package ranges

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"simrun/nodes"
)

var _ nodes.Env

type job struct {
	name string
	n    int
	tags []string
}

func (j *job) done() bool { return j.n == 0 && strings.HasPrefix(j.name, "x") }
func (j *job) start()     { j.n++ }

type queue struct {
	jobs  map[string]*job
	order []string
	bytes int
	first *job
}

func (q *queue) calls(env nodes.Env) {
	for _, j := range q.jobs {
		j.start() // want `each turn calls j.start; range over slices.Sorted`
	}
	for name := range q.jobs {
		env.Go(name, func() {}) // want `each turn calls env.Go`
	}
	var b bytes.Buffer
	for name := range q.jobs {
		b.WriteString(name) // want `each turn calls b.WriteString`
	}
	for name := range q.jobs {
		fmt.Fprintln(&b, name) // want `each turn calls fmt.Fprintln`
	}
	for name := range maps.Keys(q.jobs) {
		b.WriteString(name) // want `each turn calls b.WriteString`
	}
}

func (q *queue) appends() (names []string) {
	for name := range q.jobs {
		names = append(names, name) // want `gets out in names, which nothing sorts afterwards`
	}
	for name := range q.jobs {
		q.order = append(q.order, name) // want `gets out in q.order`
	}
	names = slices.Collect(maps.Keys(q.jobs)) // want `gets out: use slices.Sorted`
	return names
}

func (q *queue) sortedBefore() []string {
	var names []string
	slices.Sort(names)
	for name := range q.jobs {
		names = append(names, name) // want `gets out in names`
	}
	return names
}

func (q *queue) assigns() (last string, text string, sum float64) {
	for name, j := range q.jobs {
		last = name                    // want `gets out in last: the last turn wins`
		text += name                   // want `gets out in text: only whole numbers`
		sum += float64(j.n)            // want `gets out in sum: only whole numbers`
		q.first = j                    // want `gets out in q.first`
		q.order[len(q.order)-1] = name // want `gets out in q.order`
	}
	i := 0
	for name := range q.jobs {
		q.order[i] = name // want `gets out in q.order`
		i++
	}
	return last, text, sum
}

func (q *queue) leastLoaded() (best *job) {
	least := 1 << 30
	for _, j := range q.jobs {
		if j.n < least {
			least = j.n
			best = j // want `gets out in best`
		}
	}
	return best
}

func (q *queue) returns() (*job, error) {
	for name, j := range q.jobs {
		if j.n < 0 {
			return nil, fmt.Errorf("job %s is broken", name) // want `whichever comes first is returned`
		}
		if j.done() {
			return j, nil // want `whichever comes first is returned`
		}
	}
	return nil, errors.New("none")
}

func (q *queue) forgetsSome() {
	for name := range q.jobs {
		delete(q.jobs, name)
		if len(q.jobs) < 10 {
			break // want `which ones are done before the loop breaks off`
		}
	}
}

func (q *queue) fine() ([]string, int, bool) {
	var names, more []string
	for name := range q.jobs {
		names = append(names, name)
	}
	slices.Sort(names)
	var jobs []*job
	for _, j := range q.jobs {
		if !j.done() {
			jobs = append(jobs, j)
		}
	}
	sort.Slice(jobs, func(i, k int) bool { return jobs[i].name < jobs[k].name })
	for name := range q.jobs {
		q.order = append(q.order, strings.ToUpper(name))
	}
	slices.SortFunc(q.order, strings.Compare)
	more = slices.Collect(maps.Keys(q.jobs))
	slices.Sort(more)
	more = slices.Sorted(maps.Keys(q.jobs))
	i := 0
	for name := range q.jobs {
		more[i] = name
		i++
	}
	slices.Sort(more)

	least, n, any := 1<<30, 0, false
	copies := map[string]int{}
	for name, j := range q.jobs {
		n += j.n
		q.bytes -= len(name)
		n++
		copies[name] = j.n
		copies[fmt.Sprint(j.n)] = 1
		least = min(least, j.n)
		if j.n > q.bytes {
			q.bytes = j.n
		}
		j.n = 0
		if j.done() {
			any = true
			delete(q.jobs, name)
			continue
		}
		any = any || j.n > 3
		local := j.tags
		local = append(local, name)
		for _, tag := range local {
			if tag == "" {
				break
			}
		}
	}
	for range q.jobs {
		q.jobs["x"].start() // as many times, and always the same
	}
	for _, j := range q.jobs {
		if j.n > 3 {
			return nil, 0, true
		}
	}
	//simvet:allow each job is told once, and none hears of another
	for _, j := range q.jobs {
		j.start()
	}
	return names, n, any
}

var kind = struct{ main func(m map[string]*job) }{main: func(m map[string]*job) {
	for _, j := range m {
		j.start() // want `each turn calls j.start`
	}
}}

func keys(m map[string]int) []string {
	return slices.Collect(maps.Keys(m)) // want `gets out: use slices.Sorted`
}
