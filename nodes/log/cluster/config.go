package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"simrun/nodes"
)

// Config is what is configured of a topic, by the names that Kafka gives. What is not said is the default.
type Config map[string]string

// Setting is something that can be configured of a topic.
type Setting struct {
	Name, Default, Doc string
	check              func(value string) error
	list               bool // of values with commas between them
}

// Settings are all, by name.
var Settings = []Setting{
	{"cleanup.policy", "delete", "what becomes of old records: delete, compact (the last of each key stays), or both", checkPolicy, true},
	{"compression.type", "producer", "producer: batches stay as they were compressed by who sent them", oneOf("producer"), false},
	{"delete.retention.ms", "86400000", "how long a compacted topic shows that a key is gone", number(0), false},
	{"max.message.bytes", "1048588", "the largest batch", number(0), false},
	{"message.timestamp.type", "CreateTime", "CreateTime: a record's time is what its producer said", oneOf("CreateTime"), false},
	{"min.cleanable.dirty.ratio", "0.5", "from which share of new bytes on a log is compacted", checkRatio, false},
	{"min.insync.replicas", "1", "how many have to be in sync for acks=all, and for what was written to be seen", number(1), false},
	{"retention.bytes", "-1", "how large a partition may become before its oldest segments go; -1 is no limit", number(-1), false},
	{"retention.ms", "604800000", "after how long segments go; -1 is never", number(-1), false},
	{"segment.bytes", "1073741824", "how large a segment becomes", number(1024), false},
	{"segment.ms", "604800000", "after how long a segment is closed although it is not full", number(1), false},
	{"unclean.leader.election.enable", "false", "whether a replica that lacks acknowledged records may lead where nobody else can", oneOf("true", "false"), false},
}

// number accepts numbers from least on.
func number(least int64) func(string) error {
	return func(value string) error {
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < least {
			return fmt.Errorf("is not a number from %d on", least)
		}
		return nil
	}
}

func oneOf(values ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(values, value) {
			return fmt.Errorf("is none of %q", values)
		}
		return nil
	}
}

func checkPolicy(value string) error {
	return oneOf("delete", "compact", "compact,delete", "delete,compact")(value)
}

func checkRatio(value string) error {
	if f, err := strconv.ParseFloat(value, 64); err != nil || !(f >= 0 && f <= 1) {
		return fmt.Errorf("is no share between 0 and 1")
	}
	return nil
}

// FindSetting is the setting of that name, or nil.
func FindSetting(name string) *Setting {
	for i := range Settings {
		if Settings[i].Name == name {
			return &Settings[i]
		}
	}
	return nil
}

// after is the configuration after a step. Errors: of a step that cannot be done; what a setting may be Check says.
func (c Config) after(step Step) (Config, error) {
	s := FindSetting(step.Setting)
	if s == nil {
		return nil, fmt.Errorf("there is no setting %q", step.Setting)
	}
	changed := maps.Clone(c)
	if changed == nil {
		changed = Config{}
	}
	list := strings.Split(c.Get(s.Name), ",")
	switch {
	case step.Do == Set:
		changed[s.Name] = step.Value
	case step.Do == Unset:
		delete(changed, s.Name)
	case (step.Do == Append || step.Do == Subtract) && !s.list:
		return nil, fmt.Errorf("%s is no list, so nothing is appended to it or subtracted", s.Name)
	case step.Do == Append:
		for _, one := range strings.Split(step.Value, ",") {
			if !slices.Contains(list, one) {
				list = append(list, one)
			}
		}
		changed[s.Name] = strings.Join(list, ",")
	case step.Do == Subtract:
		gone := strings.Split(step.Value, ",")
		changed[s.Name] = strings.Join(slices.DeleteFunc(list, func(one string) bool { return slices.Contains(gone, one) }), ",")
	default:
		return nil, fmt.Errorf("%q is nothing that becomes of a setting", step.Do)
	}
	return changed, nil
}

// Check says what is wrong, if anything is.
func (c Config) Check() error {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		s := FindSetting(name)
		if s == nil {
			return fmt.Errorf("there is no setting %q", name)
		}
		if err := s.check(c[name]); err != nil {
			return fmt.Errorf("%s: %q %w", name, c[name], err)
		}
	}
	return nil
}

// Get is a setting's value, or its default.
func (c Config) Get(name string) string {
	if value, ok := c[name]; ok {
		return value
	}
	if s := FindSetting(name); s != nil {
		return s.Default
	}
	panic(fmt.Sprintf("cluster: there is no setting %q", name))
}

// Int is a setting that is a number.
func (c Config) Int(name string) int64 {
	n, err := strconv.ParseInt(c.Get(name), 10, 64)
	if err != nil {
		panic(fmt.Sprintf("cluster: %s is no number", name)) // Check has let it pass
	}
	return n
}

// Duration is a setting in milliseconds; one below zero stays below.
func (c Config) Duration(name string) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(min(c.Int(name), most)) * time.Millisecond
}

// MinInSync is min.insync.replicas.
func (c Config) MinInSync() int { return int(min(c.Int("min.insync.replicas"), 1<<30)) }

// Unclean is unclean.leader.election.enable.
func (c Config) Unclean() bool { return c.Get("unclean.leader.election.enable") == "true" }

// Compacts and Deletes say what cleanup.policy asks for.
func (c Config) Compacts() bool { return c.Get("cleanup.policy") != "delete" }

// Deletes says whether old segments go.
func (c Config) Deletes() bool { return c.Get("cleanup.policy") != "compact" }

// Share is a setting between 0 and 1.
func (c Config) Share(name string) nodes.Percent {
	f, err := strconv.ParseFloat(c.Get(name), 64)
	if err != nil {
		panic(fmt.Sprintf("cluster: %s is no number", name)) // Check has let it pass
	}
	return nodes.Percent(f * float64(nodes.PerMillion))
}
