// Package funnel counts what becomes of asking: for each touchpoint and wording how often people were asked, agreed, confirmed, refused, put
// it off and took it back. It reads the log once when it starts and follows the changes from there on. It keeps counts alone, nothing about
// anybody.
package funnel
