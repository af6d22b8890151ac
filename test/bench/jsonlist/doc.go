// Package jsonlist measures what a JSON list filter costs: OptUp's against encoding/json, jsontext and gjson.
//
// Every side filters the same list by the same people: half of the records go, and two members of the others. Before anything is
// measured, all sides have to agree on what is left. Results go to the harness.
package jsonlist
