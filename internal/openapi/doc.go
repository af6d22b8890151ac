// Package openapi drafts a DataService from the description of an HTTP API: OpenAPI 3.0 or 3.1, or Swagger 2.0, in JSON or YAML.
//
// It guesses from names, formats and texts where people and their data are, says for each guess how sure it is and why, and declares
// nothing that it is unsure of: what is declared nowhere is denied or removed. So a wrong guess costs a correction, and no person's
// data. A field of a person is only declared where that person is found too; otherwise it would pass without a look at consent.
//
// Bytes come in (read.go, tidy.go), schemas are unfolded to trees (schema.go), values are judged by their words (words.go, rules.go,
// classify.go), people are found (people.go, parameters.go), with when their data was collected (times.go) and what tracks them
// (switches.go), endpoints are put together (endpoint.go, body.go, processing.go), and a Draft goes out, also as YAML with the guesses
// as comments (yaml.go, yaml_body.go). The package reads no file and no URL, follows no reference out of the document,
// and knows neither policies nor decisions: a draft permits nothing.
package openapi
