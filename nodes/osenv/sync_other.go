//go:build !linux

package osenv

import "os"

func datasync(f *os.File) error { return f.Sync() }
