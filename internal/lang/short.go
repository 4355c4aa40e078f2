package lang

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Scaled returns v in the unit that suits numbers up to top, for the labels of one axis: 2,500,000 beside 10,000,000 is
// "2.5M", and 250万 in Chinese. Below a million, and below a hundred thousand in Chinese, it is Number's.
func (l Language) Scaled(v, top float64) string {
	unit, word := 1.0, ""
	if l == Chinese {
		switch {
		case top >= 1e12:
			unit, word = 1e12, "万亿"
		case top >= 1e8:
			unit, word = 1e8, "亿"
		case top >= 1e5:
			unit, word = 1e4, "万"
		}
	} else {
		switch {
		case top >= 1e12:
			unit, word = 1e12, "tn"
		case top >= 1e9:
			unit, word = 1e9, "bn"
		case top >= 1e6:
			unit, word = 1e6, "M"
		}
	}
	if unit == 1 || v == 0 {
		return Number(int64(math.Round(v)))
	}
	whole, part, _ := strings.Cut(strconv.FormatFloat(v/unit, 'f', 2, 64), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return "–"
	}
	text := Number(n)
	if n == 0 && v < 0 {
		text = "−0"
	}
	if part = strings.TrimRight(part, "0"); part != "" {
		text += "." + part
	}
	return text + word
}

// Day returns a civil date without its year, for axes: "3 Nov".
func (l Language) Day(t time.Time) string {
	if l == Chinese {
		return t.Format("1月2日")
	}
	return t.Format("2 Jan")
}

// Month returns a month, with its year where long.
func (l Language) Month(t time.Time, long bool) string {
	switch {
	case l == Chinese && long:
		return t.Format("2006年1月")
	case l == Chinese:
		return t.Format("1月")
	case long:
		return t.Format("January 2006")
	}
	return t.Format("Jan")
}

// Year returns a year: "2026".
func (l Language) Year(t time.Time) string {
	if l == Chinese {
		return t.Format("2006年")
	}
	return t.Format("2006")
}
