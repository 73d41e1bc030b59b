package scenarios

import "flag"

// rewrite makes tests write down what they find instead of comparing it: go test ./scenarios -rewrite.
var rewrite = flag.Bool("rewrite", false, "write the golden files and the reference anew")

// Rewrite is the flag, for the tests outside of the package.
func Rewrite() bool { return *rewrite }
