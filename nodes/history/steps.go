package history

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
)

// Step is one of several things that an operation did as one: a transaction's append to a list or its read ("append",
// "r"), a message that it sent or a poll ("send", "poll"). Lists of steps stand as Jepsen writes them, [f key value], so that
// a file holds them as they are.
type Step struct {
	F     string
	Key   any // the list, or the partition; nil for a poll
	Value any // what was appended; what was read, as []any, or nil where that is not known; [offset, value] of what was sent
}

// Steps is a list of steps as an attribute: "value", of what was asked in an operation's In, and of what came of it in its Out.
func Steps(steps ...Step) slog.Attr {
	all := make([]any, len(steps))
	for i, s := range steps {
		all[i] = []any{s.F, s.Key, s.Value}
	}
	return slog.Any("value", all)
}

// StepsOf is the steps in an attribute's value. The key of a step may be left out if it has none, and its value if it is not known.
func StepsOf(v slog.Value) ([]Step, error) {
	all, ok := v.Any().([]any)
	if !ok {
		return nil, fmt.Errorf("%v is no list of steps", v)
	}
	steps := make([]Step, 0, len(all))
	for _, one := range all {
		parts, _ := one.([]any)
		if len(parts) == 0 || len(parts) > 3 {
			return nil, fmt.Errorf("%v is no step [f key value]", one)
		}
		f, named := parts[0].(string)
		if !named {
			return nil, fmt.Errorf("%v is no name of a step", parts[0])
		}
		s := Step{F: f}
		switch {
		case len(parts) == 3:
			s.Key, s.Value = parts[1], parts[2]
		case len(parts) == 2 && f == "poll":
			s.Value = parts[1]
		case len(parts) == 2:
			s.Key = parts[1]
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// Record is what a poll found at an offset of a partition.
type Record struct {
	Partition any
	Offset    int64
	Value     any
}

// Records is what a poll found, in the order in which it came, as an attribute: "records", a list of [partition offset value].
func Records(records ...Record) slog.Attr { return slog.Any("records", listOf(records)) }

// Poll is a poll as a step that found these.
func Poll(records ...Record) Step { return Step{F: "poll", Value: listOf(records)} }

func listOf(records []Record) []any {
	all := make([]any, len(records))
	for i, r := range records {
		all[i] = []any{r.Partition, r.Offset, r.Value}
	}
	return all
}

// RecordsOf is the records in such a value, or in what Jepsen has of a poll: {partition [[offset value] …] …}.
func RecordsOf(value any) (records []Record, err error) {
	add := func(partition, offset, value any) {
		n, whole := slog.AnyValue(offset), false
		if whole = n.Kind() == slog.KindInt64; !whole && err == nil {
			err = fmt.Errorf("%v is no offset", offset)
			return
		}
		if whole {
			records = append(records, Record{partition, n.Int64(), value})
		}
	}
	switch all := value.(type) {
	case nil:
	case []any:
		for _, one := range all {
			parts, _ := one.([]any)
			if len(parts) != 3 {
				return nil, fmt.Errorf("%v is no record [partition offset value]", one)
			}
			add(parts[0], parts[1], parts[2])
		}
	case map[string]any:
		for _, partition := range slices.Sorted(maps.Keys(all)) {
			list, ok := all[partition].([]any)
			if !ok {
				return nil, fmt.Errorf("%v is no list of records", all[partition])
			}
			for _, one := range list {
				parts, _ := one.([]any)
				if len(parts) != 2 {
					return nil, fmt.Errorf("%v is no record [offset value]", one)
				}
				add(partition, parts[0], parts[1])
			}
		}
	default:
		return nil, fmt.Errorf("%v is no list of records", value)
	}
	return records, err
}
