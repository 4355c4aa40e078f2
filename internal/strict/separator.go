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

// Delimiter returns what parts the cells of a table: what a first line "sep=;" says, which then is left out of the bytes but for
// its end, else the one of comma, semicolon and tab that the first line has most of.
func Delimiter(table []byte) (rune, []byte) {
	head, _, _ := bytes.Cut(table, []byte{'\n'})
	if by, said := Separator(head); said {
		return rune(by), table[len(head):]
	}
	best, most := ',', bytes.Count(head, []byte{','})
	for _, c := range ";\t" {
		if n := bytes.Count(head, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best, table
}
