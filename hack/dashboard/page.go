package main

import (
	"fmt"
	"html"
	"slices"
	"strings"
)

// The page's width, the height of a row of Grafana's grid (24 columns wide), and the room between panels, in pixels.
const (
	width = 1480
	row   = 29
	gap   = 8
	head  = 58
)

const style = `body{margin:0;background:#111217;color:#ccccdc;font:12px "DejaVu Sans",sans-serif}
h1{font-size:19px;font-weight:500;margin:0;padding:16px 14px 0}h1 span{float:right;font-size:13px;color:#9d9da8;padding-top:4px}
.panel{position:absolute;background:#181b1f;border:1px solid #2a2d33;border-radius:3px;box-sizing:border-box;overflow:hidden}
.row{position:absolute;font-size:15px;color:#e8e8f0;padding-left:4px;line-height:26px}
h2{font-size:13px;font-weight:500;margin:0;padding:7px 10px 3px;white-space:nowrap}
.legend{padding:0 10px;height:32px;line-height:16px;overflow:hidden;font-size:11px}
.legend span{margin-right:13px;white-space:nowrap}.legend i{display:inline-block;width:13px;height:4px;border-radius:2px;margin-right:5px;vertical-align:3px}
.none{text-align:center;color:#8e8e99;font-size:15px;padding-top:60px}
text{fill:#9d9da8;font:11px "DejaVu Sans",sans-serif}.grid{stroke:#2b2e35;stroke-width:1}
table{border-collapse:collapse;margin:4px 10px;width:calc(100% - 20px)}th{text-align:left;color:#8ab8ff;font-weight:500}
td,th{padding:5px 8px;border-bottom:1px solid #2a2d33}td:last-child,th:last-child{text-align:right}
.stats{display:flex;height:150px}.stat{flex:1;text-align:center;padding-top:34px;font-size:14px}.stat b{display:block;font-size:46px;font-weight:500;margin-top:6px}`

// page draws the whole dashboard, and gives its height.
func page(b *board, found [][]series, during span) (text string, height int) {
	var out strings.Builder
	fmt.Fprintf(&out, `<!DOCTYPE html><meta charset="utf-8"><title>%s</title><style>%s</style><h1>%s<span>namespace: All &nbsp; %s to %s UTC</span></h1>`,
		html.EscapeString(b.Title), style, html.EscapeString(b.Title), during.from.UTC().Format("2006-01-02 15:04:05"), during.to.UTC().Format("15:04:05"))
	column := float64(width-2*gap) / 24
	for i := range b.Panels {
		p := &b.Panels[i]
		g := p.GridPos
		class, title := "panel", "<h2>"+html.EscapeString(p.Title)+"</h2>"
		if p.Type == "row" {
			class, title = "row", "&#9662; "+html.EscapeString(p.Title)
		}
		w, h := float64(g.W)*column-gap/2, float64(g.H*row-gap)
		fmt.Fprintf(&out, `<div class="%s" style="left:%.0fpx;top:%dpx;width:%.0fpx;height:%.0fpx">%s%s</div>`,
			class, gap+float64(g.X)*column, head+g.Y*row, w, h, title, content(p, found[i], w-2, h-2, during))
		height = max(height, head+(g.Y+g.H)*row)
	}
	return out.String(), height
}

// content is what stands below the title of a panel of that size.
func content(p *panel, found []series, w, h float64, during span) string {
	d := p.FieldConfig.Defaults
	switch {
	case p.Type == "row":
		return ""
	case len(found) == 0:
		return `<div class="none">No data</div>`
	case p.Type == "table":
		return table(found)
	case p.Type == "stat":
		return stats(p, found)
	}
	c := chart{w: w, h: h - 62, unit: d.Unit, stack: d.Custom.Stacking.Mode == "normal", fill: float64(d.Custom.FillOpacity) / 100, during: during, colour: p.colour}
	var legend strings.Builder
	for i, s := range found {
		fmt.Fprintf(&legend, `<span><i style="background:%s"></i>%s</span> `, p.colour(s.name, i), html.EscapeString(s.name))
	}
	return c.draw(found) + `<div class="legend">` + legend.String() + "</div>"
}

// table has a line for each series, in the order of the answer: labels by name, and the value.
func table(found []series) string {
	var names []string
	for _, s := range found {
		for name := range s.labels {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("<table><tr>")
	for _, n := range append(names, "Value") {
		fmt.Fprintf(&b, "<th>%s</th>", html.EscapeString(n))
	}
	for _, s := range found {
		b.WriteString("<tr>")
		for _, n := range names {
			fmt.Fprintf(&b, "<td>%s</td>", html.EscapeString(s.labels[n]))
		}
		fmt.Fprintf(&b, "<td>%s</td>", format(s.points[len(s.points)-1].v, 1, "short"))
	}
	return b.String() + "</table>"
}

// stats shows single values in the colour of the threshold that they reach.
func stats(p *panel, found []series) string {
	var b strings.Builder
	b.WriteString(`<div class="stats">`)
	for _, s := range found {
		v, shown := s.points[len(s.points)-1].v, "green"
		for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
			if step.Value == nil || v >= *step.Value {
				shown = step.Color
			}
		}
		fmt.Fprintf(&b, `<div class="stat">%s<b style="color:%s">%s</b></div>`, html.EscapeString(s.name), hues[shown], format(v, 1, "short"))
	}
	return b.String() + "</div>"
}
