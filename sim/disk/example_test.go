package disk_test

import (
	"errors"
	"fmt"
	"os"

	"simrun/nodes"
	"simrun/sim/disk"
)

// A note is promised once its Sync has returned. What is missing?
func ExampleEveryCrash() {
	promised := false
	tally, err := disk.EveryCrash(disk.Trial{
		Script: func(f nodes.FS) error {
			file, err := f.OpenFile("note", os.O_RDWR|os.O_CREATE, 0o644)
			if err != nil {
				return err
			}
			if _, err := file.WriteAt([]byte("remember the directory"), 0); err != nil {
				return err
			}
			if err := file.Sync(); err != nil {
				return err
			}
			promised = true
			return nil
		},
		Recover: func(f nodes.FS) error {
			if _, err := f.Stat("note"); promised && err != nil {
				return errors.New("the note is gone")
			}
			return nil
		},
	})
	fmt.Println(tally)
	fmt.Println(err)
	// Output:
	// 16 crashes at 7 moments, 0 of them not tried in full
	// after a crash after the script: the note is gone
	// the crash left:
}
