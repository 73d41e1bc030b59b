package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"simrun/nodes"
)

// Config is what is configured of a topic, by the names that Kafka gives. What is not said is the default.
type Config map[string]string

// Setting is something that can be configured of a topic.
type Setting struct {
	Name, Default, Doc string
	check              func(value string) error
}

// Settings are all, by name.
var Settings = []Setting{
	{"cleanup.policy", "delete", "what becomes of old records: delete, compact (the last of each key stays), or both", checkPolicy},
	{"compression.type", "producer", "producer: batches stay as they were compressed by who sent them", oneOf("producer")},
	{"delete.retention.ms", "86400000", "how long a compacted topic shows that a key is gone", number(0)},
	{"max.message.bytes", "1048588", "the largest batch", number(0)},
	{"message.timestamp.type", "CreateTime", "CreateTime: a record's time is what its producer said", oneOf("CreateTime")},
	{"min.cleanable.dirty.ratio", "0.5", "from which share of new bytes on a log is compacted", checkRatio},
	{"min.insync.replicas", "1", "how many have to be in sync for acks=all, and for what was written to be seen", number(1)},
	{"retention.bytes", "-1", "how large a partition may become before its oldest segments go; -1 is no limit", number(-1)},
	{"retention.ms", "604800000", "after how long segments go; -1 is never", number(-1)},
	{"segment.bytes", "1073741824", "how large a segment becomes", number(1024)},
	{"segment.ms", "604800000", "after how long a segment is closed although it is not full", number(1)},
	{"unclean.leader.election.enable", "false", "whether a replica that lacks acknowledged records may lead where nobody else can", oneOf("true", "false")},
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
