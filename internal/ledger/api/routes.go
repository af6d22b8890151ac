package api

import "github.com/optup/optup/internal/ledger/access"

// routes are those for callers with a role, and who may use them.
func (a *API) routes() map[string]endpoint {
	officer := []access.Role{access.RoleOfficer}
	writers := []access.Role{access.RoleTouchpoint, access.RoleOfficer}
	readers := []access.Role{access.RoleReader, access.RoleOfficer}
	person := []access.Role{access.RolePerson}
	return map[string]endpoint{
		"POST /v1/events":                                         {a.events, writers},
		"POST /v1/imports":                                        {a.imports, writers},
		"POST /v1/people/lookup":                                  {a.lookup, officer},
		"POST /v1/people/withdrawal-links":                        {a.withdrawalLinks, writers},
		"POST /v1/people/uses":                                    {a.usesOf, officer},
		"POST /v1/people/export":                                  {a.exportOf, officer},
		"POST /v1/people/erase":                                   {a.erase, officer},
		"POST /v1/corrections":                                    {a.propose, officer},
		"POST /v1/corrections/approve":                            {a.approve, officer},
		"GET /v1/me":                                              {a.me, person},
		"GET /v1/me/export":                                       {a.myExport, person},
		"POST /v1/me/events":                                      {a.myEvents, person},
		"GET /v1/decisions/{id}":                                  {a.decision, officer},
		"POST /v1/population":                                     {a.population, writers},
		"GET /v1/usable-share":                                    {a.usableShare, readers},
		"GET /v1/checkpoint":                                      {a.checkpoint, everybody},
		"GET /v1/proofs/{position}":                               {a.proofOf, everybody},
		"GET /v1/consistency":                                     {a.consistency, everybody},
		"GET /v1/receipts/{position}":                             {a.receiptOf, officer},
		"GET /v1/export":                                          {a.export, officer},
		"GET /v1/head":                                            {a.head, everybody},
		"POST /v1/touchpoints/{namespace}/{name}/next":            {a.nextQuestion, writers},
		"POST /v1/touchpoints/{namespace}/{name}/answers":         {a.answers, writers},
		"GET /v1/touchpoints/{namespace}/{name}/funnel":           {a.funnel, everybody},
		"POST /v1/touchpoints/{namespace}/{name}/signals":         {a.signals, writers},
		"GET /v1/touchpoints/{namespace}/{name}/consent-requests": {a.consentRequests, writers},
		"GET /v1/touchpoints/{namespace}/{name}/intake-key":       {a.intakeKeyOf, officer},
		"POST /v1/adopt":                                          {a.adopt, officer},
	}
}
