package event

import (
	"strconv"
	"time"
)

// Moment is an instant as a source wrote it.
type Moment struct {
	Micros int64 // since 1970-01-01 UTC
	Digits int   // of the fraction of a second that the source gave, at most 6
	Day    bool  // the source gave a day only: the instant is its first
	Naive  bool  // the source named no zone: UTC was taken
}

// ParseMoment reads a year-first date, optionally with a time of day (minutes at least), a fraction and a zone (Z,
// UTC, GMT or an offset); between date and time stands a blank or a T. It allocates nothing.
func ParseMoment[T ~string | ~[]byte](s T) (Moment, bool) {
	var m Moment
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return m, false
	}
	year, ok1 := digits(s, 0, 4)
	month, ok2 := digits(s, 5, 2)
	day, ok3 := digits(s, 8, 2)
	if !ok1 || !ok2 || !ok3 || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return m, false
	}
	seconds := civil(year, month, day) * 86400
	if len(s) == 10 {
		m.Micros, m.Day, m.Naive = seconds*1e6, true, true
		return m, true
	}
	if len(s) < 16 || s[10] != ' ' && s[10] != 'T' && s[10] != 't' || s[13] != ':' {
		return m, false
	}
	hour, ok1 := digits(s, 11, 2)
	minute, ok2 := digits(s, 14, 2)
	second, at := 0, 16
	if len(s) > 16 && s[16] == ':' {
		if len(s) < 19 {
			return m, false
		}
		second, ok3 = digits(s, 17, 2)
		at = 19
	}
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return m, false
	}
	micros := 0
	if at == 19 && len(s) > 20 && s[19] == '.' {
		at, m.Digits, micros = fraction(s)
	}
	offset, naive, ok := zone(s, at)
	m.Micros = (seconds+int64(hour*3600+minute*60+second-offset))*1e6 + int64(micros)
	m.Naive = naive
	return m, ok
}

// fraction reads ".123…" at byte 19 and returns where it ends, how many digits count and the microseconds.
func fraction[T ~string | ~[]byte](s T) (end, count, micros int) {
	unit := 100000
	at := 20
	for ; at < len(s) && s[at] >= '0' && s[at] <= '9'; at++ {
		micros += int(s[at]-'0') * unit
		if unit > 0 {
			count++
		}
		unit /= 10
	}
	return at, count, micros
}

// zone reads the rest of s as a zone and returns its offset in seconds, and whether there is none.
func zone[T ~string | ~[]byte](s T, at int) (offset int, naive, ok bool) {
	for at < len(s) && s[at] == ' ' {
		at++
	}
	n := len(s) - at
	switch {
	case n == 0:
		return 0, true, true
	case n == 1:
		return 0, false, s[at] == 'Z' || s[at] == 'z'
	case n == 3 && (s[at] == 'U' && s[at+1] == 'T' && s[at+2] == 'C' || s[at] == 'G' && s[at+1] == 'M' && s[at+2] == 'T'):
		return 0, false, true
	case s[at] != '+' && s[at] != '-':
		return 0, false, false
	}
	hours, ok := digits(s, at+1, 2)
	minutes, ok2 := 0, n == 3
	switch {
	case n == 5:
		minutes, ok2 = digits(s, at+3, 2)
	case n == 6 && s[at+3] == ':':
		minutes, ok2 = digits(s, at+4, 2)
	}
	offset = hours*3600 + minutes*60
	if s[at] == '-' {
		offset = -offset
	}
	return offset, false, ok && ok2 && hours <= 14 && minutes <= 59
}

func digits[T ~string | ~[]byte](s T, at, n int) (int, bool) {
	if at+n > len(s) {
		return 0, false
	}
	v := 0
	for i := at; i < at+n; i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int(d)
	}
	return v, true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// civil returns the days from 1970-01-01 to a date of the Gregorian calendar.
func civil(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return int64(era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468)
}

// MomentOf returns the moment of t with a fraction of at most digits digits.
func MomentOf(t time.Time, digits int) Moment { return Moment{Micros: t.UnixMicro(), Digits: digits} }

// Append appends the moment as events hold it: "2026-11-20T05:12:33+00:00", with the source's fraction.
func (m Moment) Append(dst []byte) []byte {
	t := time.UnixMicro(m.Micros).UTC()
	dst = t.AppendFormat(dst, "2006-01-02T15:04:05")
	if m.Digits > 0 {
		dst = append(dst, '.')
		micros := strconv.Itoa(1000000 + t.Nanosecond()/1000)
		dst = append(dst, micros[1:1+m.Digits]...)
	}
	return append(dst, "+00:00"...)
}

func (m Moment) String() string { return string(m.Append(nil)) }
