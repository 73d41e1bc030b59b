package partition

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
)

// The files that are replaced as a whole. Each is a checksum and so many numbers.
const (
	fileStart     = "log-start"
	fileEpochs    = "leader-epochs"
	fileWatermark = "high-watermark"
	fileCleaned   = "cleaned"
	fileReset     = "reset"
)

// maxWhole bounds what is read of such a file.
const maxWhole = 256 << 20

// replace writes a file as a whole, durably: a crash leaves it as it was or as it is to be.
func (p *Partition) replace(name string, content []byte) error {
	if err := p.write(name+extNew, content, true); err != nil {
		return err
	}
	if err := p.fs.Rename(p.path(name+extNew), p.path(name)); err != nil {
		return err
	}
	if err := p.fs.SyncDir(p.dir); err != nil {
		return &finalError{"sync of the directory", err}
	}
	return nil
}

// write writes a file with its checksum, and syncs it if it is to be durable. Its name is so after a sync of the directory.
func (p *Partition) write(name string, content []byte, durable bool) error {
	file, err := p.fs.OpenFile(p.path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(content, castagnoli))
	if _, err := file.WriteAt(append(sum, content...), 0); err != nil {
		return err
	}
	if !durable {
		return nil
	}
	if err := file.Sync(); err != nil {
		return &finalError{"sync", err}
	}
	return nil
}

// read returns the content of such a file. It says whether there is one, and nil content if it is not what was written.
func (p *Partition) read(name string) (content []byte, found bool, err error) {
	file, err := p.fs.OpenFile(p.path(name), os.O_RDONLY, 0)
	if isMissing(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil || size < 4 || size > maxWhole {
		return nil, true, err
	}
	b := make([]byte, size)
	if n, err := file.ReadAt(b, 0); int64(n) < size {
		if err == io.EOF {
			err = nil
		}
		return nil, true, err
	}
	if crc32.Checksum(b[4:], castagnoli) != binary.LittleEndian.Uint32(b) {
		return nil, true, nil
	}
	return b[4:len(b):len(b)], true, nil
}

// numbers are what those files hold.
func numbers(content []byte) (all []int64) {
	for ; len(content) >= 8; content = content[8:] {
		all = append(all, int64(binary.LittleEndian.Uint64(content)))
	}
	return all
}

func appendNumbers(to []byte, all ...int64) []byte {
	for _, n := range all {
		to = binary.LittleEndian.AppendUint64(to, uint64(n))
	}
	return to
}

// replaceNumber and readNumber are for files of one number.
func (p *Partition) replaceNumber(name string, n int64) error {
	return p.replace(name, appendNumbers(nil, n))
}

// readNumber is the file's number. Without the file it is absent.
func (p *Partition) readNumber(name string, absent int64) (int64, error) {
	content, found, err := p.read(name)
	if err != nil || !found {
		return absent, err
	}
	if all := numbers(content); len(content) == 8 && all[0] >= 0 {
		return all[0], nil
	}
	return absent, &Corruption{File: name, What: "its checksum is wrong"}
}
