package command

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, git would take a commit that says nothing for a good or a bad one.
func TestOnlyHoldsAndViolatedSayWhatACommitIs(t *testing.T) {
	for code, want := range map[int]verdict{Good: good, Violated: bad, NoStart: skip, Unknown: skip, Diverged: skip, 66: skip, -1: skip} {
		v, why := mapped(code, []byte("one\nthe reason\n"), errors.New("exit"))
		require.Equal(t, want, v, "exit code %d", code)
		require.Equal(t, want == skip, why != "", "who leaves a commit out says why")
	}
	_, why := mapped(NoStart, nil, errors.New("signal: killed"))
	require.Equal(t, "it cannot run the plan: signal: killed", why)
}

// If this failed, a bisection would never end, or end with a commit that was left out.
func TestHowABisectionEnds(t *testing.T) {
	a, b := strings.Repeat("a1", 20), strings.Repeat("b2", 20)
	stuck := errors.New("exit status 2")
	first, err := found("Bisecting: 2 revisions left to test after this (roughly 1 step)\n["+a+"] Say it", nil)
	require.NoError(t, err)
	require.Empty(t, first)
	first, err = found(a+" is the first bad commit\ncommit "+a+"\nAuthor: nobody", nil)
	require.NoError(t, err)
	require.Equal(t, []string{a}, first)
	first, err = found("There are only 'skip'ped commits left to test.\nThe first bad commit could be any of:\n"+a+"\n"+b+"\nWe cannot bisect more!", stuck)
	require.NoError(t, err)
	require.Equal(t, []string{a, b}, first)
	_, err = found("", stuck)
	require.Equal(t, stuck, err)
}
