//go:build !unix || solaris || illumos || aix

package osenv

import (
	"errors"
	"os"
)

// flock fails where there is no flock(2): better than two servers on one journal.
func flock(*os.File) error { return errors.ErrUnsupported }
