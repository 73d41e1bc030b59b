package linear

// Verb is what an operation did to its object.
type Verb uint8

// The verbs.
const (
	Read     Verb = iota // see what the object holds
	Write                // replace what it holds
	CAS                  // replace it if it is what was expected
	Append               // put at the end
	Add                  // put in, or add to
	Enqueue              // put in line
	Dequeue              // take who is first in line
	Generate             // make what was never made before
	Remove               // take out
	Contains             // look whether something is in
)

// String is the verb in the past tense, as reasons tell it.
func (v Verb) String() string {
	return [...]string{"read", "wrote", "swapped", "appended", "added", "enqueued", "dequeued", "generated", "removed", "looked for"}[v]
}
