package gearman

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"

	"simrun/nodes"
)

// generationFile holds the number of the server's life. Handles carry it, so that none is ever given
// twice: not after a crash that forgot the last jobs, and not by a server that keeps nothing else.
const generationFile = "generation"

// nextGeneration is the number of this life of the server, made durable. A server without one, as on a new
// disk, starts anywhere; so does one whose disk cannot hold it now, which is told in the log.
func nextGeneration(env nodes.Env) uint32 {
	last, err := readGeneration(env.FS())
	switch {
	case err == nil:
		last++
	default:
		last = env.Rand().Uint32()
		if !errors.Is(err, fs.ErrNotExist) {
			env.Log().Warn("the number of the server's life cannot be read; drawing one", "err", err)
		}
	}
	if err := writeGeneration(env.FS(), last); err != nil {
		last = env.Rand().Uint32()
		env.Log().Warn("the number of the server's life cannot be kept; drawing one", "err", err)
	}
	return last
}

func generationText(n uint32) string {
	number := fmt.Sprintf("%d", n)
	return fmt.Sprintf("%s %08x\n", number, crc32.ChecksumIEEE([]byte(number)))
}

func readGeneration(disk nodes.FS) (uint32, error) {
	file, err := disk.OpenFile(generationFile, os.O_RDONLY, 0)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return 0, err
	}
	text := make([]byte, min(size, 64))
	if _, err := file.ReadAt(text, 0); err != nil {
		return 0, err
	}
	var n uint32
	if _, err := fmt.Sscanf(string(text), "%d", &n); err != nil || generationText(n) != string(text) {
		return 0, fmt.Errorf("gearman: %s is damaged: %q", generationFile, text)
	}
	return n, nil
}

func writeGeneration(disk nodes.FS, n uint32) error {
	const fresh = generationFile + ".new"
	file, err := disk.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(generationText(n)), 0)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := disk.Rename(fresh, generationFile); err != nil {
		return err
	}
	return disk.SyncDir(".")
}
