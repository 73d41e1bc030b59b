package checkers

// definitions are the checks that scenarios may name.
var definitions = []Definition{
	{"sometimes", "A rare, wanted event occurs in at least one run of a batch.",
		func() Check { return &Sometimes{} }},
}
