package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// colours of the series of a panel, in their order.
var colours = []string{"#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d", "#e0b400", "#c4162a"}

// Room around the plot, in pixels: for the scale, and for the times.
const (
	left, right, top, bottom = 58.0, 10.0, 8.0, 22.0
)

// chart is a panel of lines over time.
type chart struct {
	w, h   float64
	unit   string
	stack  bool
	fill   float64
	during span
	colour func(name string, place int) string
}

// draw gives the chart as SVG.
func (c chart) draw(all []series) string {
	lower := map[float64]float64{}
	var bands [][2][]point // below and above
	most := 0.0
	for _, s := range all {
		var low, high []point
		for _, p := range s.points {
			from := 0.0
			if c.stack {
				from = lower[p.t]
				lower[p.t] += p.v
			}
			low, high = append(low, point{p.t, from}), append(high, point{p.t, from + p.v})
			most = max(most, from+p.v)
		}
		bands = append(bands, [2][]point{low, high})
	}
	step := round(most / 4)
	most = max(step*math.Ceil(most/step), step)
	x := func(t float64) float64 { return left + t/c.seconds()*(c.w-left-right) }
	y := func(v float64) float64 { return c.h - bottom - v/most*(c.h-top-bottom) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg width="%.0f" height="%.0f">`, c.w, c.h)
	c.grid(&b, step, most, x, y)
	for i := range all {
		for _, run := range runs(bands[i][1]) {
			if c.fill > 0 {
				low := bands[i][0][run[0]:run[1]]
				fmt.Fprintf(&b, `<path d="%s`, path(bands[i][1][run[0]:run[1]], x, y))
				for j := len(low) - 1; j >= 0; j-- {
					fmt.Fprintf(&b, "L%.1f %.1f", x(low[j].t), y(low[j].v))
				}
				fmt.Fprintf(&b, `Z" fill="%s" fill-opacity="%.2f"/>`, c.colour(all[i].name, i), c.fill)
			}
			fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.6" stroke-linejoin="round"/>`, path(bands[i][1][run[0]:run[1]], x, y), c.colour(all[i].name, i))
		}
	}
	b.WriteString("</svg>")
	return b.String()
}

func (c chart) seconds() float64 { return c.during.to.Sub(c.during.from).Seconds() }

// grid draws the scale and the times.
func (c chart) grid(b *strings.Builder, step, most float64, x, y func(float64) float64) {
	for v := 0.0; v <= most*1.001; v += step {
		fmt.Fprintf(b, `<path d="M%.0f %.1fH%.1f" class="grid"/><text x="%.0f" y="%.1f" text-anchor="end">%s</text>`,
			left, y(v), c.w-right, left-6, y(v)+4, format(v, step, c.unit))
	}
	every := 15 * time.Second
	if c.w < 420 {
		every = 30 * time.Second
	}
	for t := c.during.from.Truncate(every).Add(every); t.Before(c.during.to); t = t.Add(every) {
		at := x(t.Sub(c.during.from).Seconds())
		fmt.Fprintf(b, `<path d="M%.1f %.0fV%.1f" class="grid"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			at, top, c.h-bottom, at, c.h-6, t.UTC().Format("15:04:05"))
	}
}

// runs are the parts of a line without a gap: from, to (not included).
func runs(points []point) [][2]int {
	var out [][2]int
	from := 0
	for i := range points {
		if i+1 == len(points) || points[i+1].t-points[i].t > 1.5 {
			out = append(out, [2]int{from, i + 1})
			from = i + 1
		}
	}
	return out
}

func path(points []point, x, y func(float64) float64) string {
	var b strings.Builder
	for i, p := range points {
		fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], x(p.t), y(p.v))
	}
	return b.String()
}

// round gives the next larger step of 1, 2 or 5.
func round(v float64) float64 {
	if v <= 0 {
		return 0.25
	}
	scale := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*scale*1.0001 {
			return m * scale
		}
	}
	return 10 * scale
}

// format writes a value in Grafana's units, as exactly as the step of its scale asks for; step 0 is for single values.
func format(v, step float64, unit string) string {
	scale, suffix := 1.0, ""
	size := max(math.Abs(v), step)
	switch unit {
	case "reqps":
		suffix = " req/s"
	case "percentunit":
		scale, suffix = 0.01, "%"
	case "s":
		switch {
		case v == 0:
			return "0 s"
		case size < 0.001:
			scale, suffix = 1e-6, " µs"
		case size < 1:
			scale, suffix = 1e-3, " ms"
		default:
			suffix = " s"
		}
	case "Bps":
		for _, u := range []string{"B/s", "kB/s", "MB/s", "GB/s"} {
			if suffix = " " + u; size/scale < 1000 {
				break
			}
			scale *= 1000
		}
	default:
		if size >= 10_000 {
			scale, suffix = 1000, " K"
		}
	}
	digits := 0
	if s := step / scale; s > 0 && s < 1 {
		digits = int(math.Ceil(-math.Log10(s) - 0.001))
	}
	return fmt.Sprintf("%.*f%s", digits, v/scale, suffix)
}
