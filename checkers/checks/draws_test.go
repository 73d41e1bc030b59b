//go:build !campaign

package checks

import "flag"

// Each draw is a world of its own: a third of rapid's hundred are tried each time, all of them with the campaigns.
func init() {
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
}
