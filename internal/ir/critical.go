package ir

import "slices"

// Elements of a bundle without which a reader would enforce less than was declared. Encode lists those that a bundle uses.
const (
	criticalProofs         = "purpose.proofs"
	criticalUnused         = "purpose.unusedForDays"
	criticalMinimumNotices = "purpose.minimumNotices"
	criticalDeviceAccess   = "purpose.deviceAccess"
	criticalBusinessOnly   = "purpose.businessOnly"
	criticalThirdParty     = "purpose.thirdPartyData"
	criticalAnonymous      = "purpose.anonymous"
	criticalAdvertisers    = "purpose.advertisers"
	criticalSpecial        = "purpose.special"
	criticalTransfer       = "party.transfer"
	criticalTLS            = "port.tlsPort"
	criticalSegments       = "endpoint.segments"
	criticalReplaces       = "endpoint.replaces"
	criticalSwitches       = "message.switches"
	criticalAddresseeTime  = "addressees.time"
	criticalAddresseeBody  = "addressees.body"
	criticalFormat         = "message.format"
	criticalIntercept      = "port.intercept"
	criticalAuthorities    = "service.authorities"
	criticalCredential     = "service.credential"
	criticalProvides       = "provides"
	criticalCallbacks      = "callbacks"
)

// known are the critical elements that this version understands.
var known = map[string]bool{
	criticalProofs: true, criticalUnused: true, criticalMinimumNotices: true, criticalDeviceAccess: true, criticalBusinessOnly: true,
	criticalThirdParty: true, criticalAnonymous: true, criticalAdvertisers: true, criticalSpecial: true, criticalTransfer: true,
	criticalTLS: true, criticalSegments: true, criticalReplaces: true, criticalSwitches: true, criticalAddresseeTime: true,
	criticalAddresseeBody: true, criticalFormat: true, criticalIntercept: true, criticalAuthorities: true, criticalCredential: true, criticalProvides: true,
	criticalCallbacks: true,
}

// critical lists the critical elements that a bundle uses, sorted.
func critical(b *Bundle) []string {
	var out []string
	add := func(used bool, name string) {
		if used && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for i := range b.Purposes {
		p := &b.Purposes[i]
		add(len(p.Proofs) > 0, criticalProofs)
		add(p.UnusedForDays > 0, criticalUnused)
		add(len(p.MinimumNotices) > 0, criticalMinimumNotices)
		add(p.DeviceAccess != "", criticalDeviceAccess)
		add(p.BusinessOnly, criticalBusinessOnly)
		add(p.ThirdPartyData, criticalThirdParty)
		add(p.Anonymous, criticalAnonymous)
		add(len(p.Advertisers) > 0, criticalAdvertisers)
		add(len(p.Special) > 0, criticalSpecial)
	}
	add(len(b.Provides) > 0, criticalProvides)
	services := b.Services
	for i := range b.Provides {
		// What a caller's rules need is needed here, too.
		p := &b.Provides[i]
		services = append(slices.Clone(services), p.Service)
		for _, name := range critical(&Bundle{Purposes: p.Purposes}) {
			add(true, name)
		}
	}
	for i := range services {
		s := &services[i]
		add(s.Party.Transfer != nil, criticalTransfer)
		add(s.Authorities != "", criticalAuthorities)
		add(s.Credential != nil, criticalCredential)
		for _, p := range s.Ports {
			add(p.TLSPort != 0, criticalTLS)
			add(p.Intercept, criticalIntercept)
		}
		for j := range s.Endpoints {
			e := &s.Endpoints[j]
			add(len(e.Segments) > 0, criticalSegments)
			add(e.Replaces != "", criticalReplaces)
			add(formatOf(e.Request) != FormatJSON || formatOf(e.Response) != FormatJSON, criticalFormat)
			if e.Request == nil {
				continue
			}
			add(len(e.Request.Switches) > 0, criticalSwitches)
			for k := range e.Request.Addressees {
				add(e.Request.Addressees[k].Time != "", criticalAddresseeTime)
				add(e.Request.Addressees[k].Each == "", criticalAddresseeBody)
			}
		}
	}
	add(len(b.Callbacks) > 0, criticalCallbacks)
	slices.Sort(out)
	return out
}
