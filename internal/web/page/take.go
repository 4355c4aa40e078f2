package page

// Take is how a list leaves a page.
type Take struct {
	File string // address of the list as a file; empty: the visitor may not take it
	Curl string // command by which a program asks for the same
}

// Cell keeps a spreadsheet from running text that somebody put into a list.
func Cell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}
