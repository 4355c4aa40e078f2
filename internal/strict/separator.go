package strict

import "bytes"

// Separator reads the line by which spreadsheets say what parts the cells of the table below it: "sep=;". It reports false for any
// other line.
func Separator(line []byte) (byte, bool) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 5 && bytes.EqualFold(line[:4], []byte("sep=")) && bytes.IndexByte([]byte(",;|\t"), line[4]) >= 0 {
		return line[4], true
	}
	return 0, false
}
