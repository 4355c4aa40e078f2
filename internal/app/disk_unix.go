//go:build unix

package app

import "syscall"

// freeSpace returns the free and all bytes of the disk on which a folder lies; zeros where that cannot be had.
func freeSpace(dir string) (free, total int64) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0
	}
	return int64(s.Bavail) * int64(s.Bsize), int64(s.Blocks) * int64(s.Bsize) //nolint:unconvert // the types differ between systems
}
