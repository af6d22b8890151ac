package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
)

// board is what is read of a Grafana dashboard.
type board struct {
	Title  string  `json:"title"`
	Panels []panel `json:"panels"`
}

type panel struct {
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Targets     []target
	FieldConfig struct {
		Defaults struct {
			Unit   string
			Custom struct {
				Stacking    struct{ Mode string }
				FillOpacity int
			}
			Thresholds struct {
				Steps []struct {
					Color string
					Value *float64
				}
			}
		}
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value json.RawMessage
			}
		}
	}
}

// hues are Grafana's names of colours.
var hues = map[string]string{
	"green": "#73bf69", "yellow": "#f2cc0c", "blue": "#5794f2", "orange": "#ff9830", "red": "#f2495c", "purple": "#b877d9",
}

// colour of the series with that name and place: what the panel has for the name, or the next one.
func (p *panel) colour(name string, place int) string {
	for _, o := range p.FieldConfig.Overrides {
		for _, x := range o.Properties {
			var v struct{ FixedColor string }
			if o.Matcher.ID == "byName" && o.Matcher.Options == name && x.ID == "color" && json.Unmarshal(x.Value, &v) == nil && hues[v.FixedColor] != "" {
				return hues[v.FixedColor]
			}
		}
	}
	return colours[place%len(colours)]
}

type target struct {
	Expr, LegendFormat string
	Instant            bool
}

func readBoard(file string) (*board, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	b := &board{}
	return b, json.Unmarshal(text, b)
}

// rateInterval is what Grafana puts for $__rate_interval where metrics are read every second: four times that, and one more.
const rateInterval = "5s"

// query is the expression with the dashboard's variables as they are at first: all namespaces.
func (t target) query() string {
	return strings.NewReplacer("$__rate_interval", rateInterval, "$namespace", ".*").Replace(t.Expr)
}

// unknown are labels that a series does not have; Grafana shows nothing for them.
var unknown = regexp.MustCompile(`\{\{[^}]*\}\}`)

// legend is the name of a series by the target's format.
func (t target) legend(metric map[string]string) string {
	out := t.LegendFormat
	for name, value := range metric {
		out = strings.ReplaceAll(out, "{{"+name+"}}", value)
	}
	return strings.TrimSpace(unknown.ReplaceAllString(out, ""))
}
