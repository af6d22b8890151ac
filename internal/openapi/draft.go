package openapi

import "github.com/optup/optup/api/v1alpha1"

// Confidence is how sure a guess is.
type Confidence string

// Confidences.
const (
	Low    Confidence = "low"    // a hint; never declared where it would let something pass that else would not
	Medium Confidence = "medium" // a usual name or type
	High   Confidence = "high"   // a format, or a name that hardly means anything else
)

// AtLeast tells whether c is as sure as other, or surer.
func (c Confidence) AtLeast(other Confidence) bool { return c.rank() >= other.rank() }

func (c Confidence) rank() int {
	switch c {
	case High:
		return 3
	case Medium:
		return 2
	case Low:
		return 1
	default:
		return 0
	}
}

// weaker gives the less sure of two.
func weaker(a, b Confidence) Confidence {
	if a.AtLeast(b) {
		return b
	}
	return a
}

// Part is the part of a service that a guess is about.
type Part string

// Parts.
const (
	PartService  Part = "service"
	PartEndpoint Part = "endpoint"
	PartQuery    Part = "query"
	PartRequest  Part = "request"
	PartResponse Part = "response"
)

// What is what a guess says.
type What string

// What guesses say.
const (
	WhatHost         What = "host"
	WhatPort         What = "port"
	WhatParty        What = "party"
	WhatPersonalData What = "personalData" // there is none
	WhatProcessing   What = "processing"
	WhatChannel      What = "channel"
	WhatParameter    What = "parameter"
	WhatSegment      What = "segment"
	WhatReplaces     What = "replaces"
	WhatAddressees   What = "addressees"
	WhatRecords      What = "records"
	WhatTime         What = "time"
	WhatField        What = "field"
	WhatNotPersonal  What = "notPersonal"
	WhatTotal        What = "total"
	WhatUndeclared   What = "undeclared" // denied in a request, removed from a response
	WhatSwitch       What = "switch"     // turns tracking on, or a protection off; only tracking of a known kind is declared
	WhatNote         What = "note"       // what the reader should know
)

// Guess is one thing that the document suggests.
type Guess struct {
	// Endpoint by its name in the draft; empty for what is about the service.
	Endpoint string `json:"endpoint,omitempty"`
	// Call is the method and the path of the endpoint, or of what became none.
	Call string `json:"call,omitempty"`
	Part Part   `json:"part"`
	// Pointer from the root of the body, or the name of a parameter in query or path.
	Pointer    string     `json:"pointer,omitempty"`
	What       What       `json:"what"`
	Value      string     `json:"value,omitempty"`
	Confidence Confidence `json:"confidence"`
	Why        string     `json:"why"`
	// Declared tells that the draft says so; otherwise the guess is for the reader alone.
	Declared bool `json:"declared"`
}

// Source is what a draft was made from.
type Source struct {
	Format  string `json:"format"` // "OpenAPI 3.1.0", "Swagger 2.0"
	Title   string `json:"title,omitempty"`
	Version string `json:"version,omitempty"`
}

// Counts sum a draft up.
type Counts struct {
	Operations     int `json:"operations"` // of the document
	Endpoints      int `json:"endpoints"`  // of the draft
	NoPersonalData int `json:"noPersonalData"`
	AddresseeLists int `json:"addresseeLists"`
	RecordLists    int `json:"recordLists"`
	Fields         int `json:"fields"`
	NotPersonal    int `json:"notPersonal"`
	Undeclared     int `json:"undeclared"`
	Switches       int `json:"switches"` // undeclared
	Tracking       int `json:"tracking"` // switches that are declared
	Segments       int `json:"segments"`
	Notes          int `json:"notes"`
}

// Draft is a DataService for somebody to complete, and what it rests on.
type Draft struct {
	Source  Source               `json:"source"`
	Service v1alpha1.DataService `json:"service"`
	Counts  Counts               `json:"counts"`
	// Guesses in the order of the endpoints.
	Guesses []Guess `json:"guesses"`
}

func (d *Draft) count() {
	c := &d.Counts
	c.Endpoints = len(d.Service.Spec.Endpoints)
	for _, g := range d.Guesses {
		switch {
		case g.What == WhatUndeclared:
			c.Undeclared++
		case g.What == WhatSwitch && !g.Declared:
			c.Switches++
		case g.What == WhatNote:
			c.Notes++
		case !g.Declared:
		case g.What == WhatSwitch:
			c.Tracking++
		case g.What == WhatSegment:
			c.Segments++
		case g.What == WhatPersonalData:
			c.NoPersonalData++
		case g.What == WhatAddressees:
			c.AddresseeLists++
		case g.What == WhatRecords:
			c.RecordLists++
		case g.What == WhatField:
			c.Fields++
		case g.What == WhatNotPersonal:
			c.NotPersonal++
		}
	}
}
