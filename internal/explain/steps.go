package explain

import (
	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/decide"
	"github.com/optup/optup/internal/ir"
)

// step puts one gate that does not depend on people into words.
func (s *scene) step(x decide.Step) {
	name := s.matched[0].Purpose
	p, e := s.index.Purpose(name), s.ep.IR
	causes := s.about(x, name, p)
	if !x.Passed {
		s.fail(x.Gate, x.Reason, causes, "%s", s.here(x, p, e))
		return
	}
	switch x.Gate {
	case decide.GatePurpose:
		s.pass(x.Gate, causes, "The purpose is %s%s.", name, of(p))
	case decide.GateNamespace:
		s.pass(x.Gate, causes, "The purpose allows the namespace %s to act for it.", s.index.Bundle().Namespace)
	case decide.GateProcessing:
		s.pass(x.Gate, causes, "The purpose includes what the endpoint does: %s.", list(e.Processing))
	case decide.GateChannel:
		if e.Channel == "" {
			s.pass(x.Gate, nil, "The endpoint reaches nobody, so no channel is needed.")
			return
		}
		s.pass(x.Gate, causes, "The purpose includes the channel %s.", e.Channel)
	case decide.GateParty:
		s.pass(x.Gate, causes, "%s", party(&s.service.Party))
	case decide.GateTransfer:
		if t := s.service.Party.Transfer; t != nil {
			s.pass(x.Gate, causes, "The data goes to %s, on the basis of %s.", t.Country, t.Basis)
			return
		}
		s.pass(x.Gate, causes, "The data stays in the European Economic Area.")
	case decide.GateIdentity:
		s.pass(x.Gate, causes, "The endpoint declares where people are named.")
	default:
		s.pass(x.Gate, causes, "Nothing stands against it.")
	}
}

func of(p *ir.Purpose) string {
	if p == nil || p.Controller == "" {
		return ""
	}
	return " of " + p.Controller
}

func party(p *ir.Party) string {
	name := "The operator of the service"
	if p.Name != "" {
		name += ", " + p.Name + ","
	}
	switch p.Role {
	case ir.RoleProcessor:
		return name + " is a processor: it acts for the controller (GDPR Art. 28)."
	case ir.RoleJointController:
		return name + " is a joint controller, and the purpose includes to disclose data."
	default:
		return name + " is a controller of its own, and the purpose includes to disclose data."
	}
}

// about finds what a gate looked at.
func (s *scene) about(x decide.Step, name consent.PurposeID, p *ir.Purpose) []Cause {
	switch x.Gate {
	case decide.GatePurpose:
		if p == nil || p.Blocked != "" {
			found, _ := s.findings(name)
			return append(s.rules("purpose"), found...)
		}
		return append(s.rules("purpose"), s.purpose(name, ""))
	case decide.GateNamespace:
		return []Cause{s.purpose(name, "spec.allowedNamespaces")}
	case decide.GateProcessing:
		return []Cause{s.purpose(name, "spec.processing"), s.endpoint(s.ep.IR.Name, "processing")}
	case decide.GateChannel:
		return []Cause{s.purpose(name, "spec.channels"), s.endpoint(s.ep.IR.Name, "channel")}
	case decide.GateParty:
		return []Cause{s.at(serviceRef(s.service.Name), "spec.party")}
	case decide.GateTransfer:
		return []Cause{s.at(serviceRef(s.service.Name), "spec.party.transfer")}
	case decide.GateCategory:
		return []Cause{s.endpoint(s.ep.IR.Name, "replaces")}
	case decide.GateIdentity:
		return []Cause{s.endpoint(s.ep.IR.Name, "")}
	default:
		return nil
	}
}

// here says what is so in this request where a gate failed.
func (s *scene) here(x decide.Step, p *ir.Purpose, e *ir.Endpoint) string {
	switch x.Gate {
	case decide.GatePurpose:
		_, says := s.findings(s.matched[0].Purpose)
		return says
	case decide.GateNamespace:
		return "The namespace is " + s.index.Bundle().Namespace + "."
	case decide.GateProcessing:
		return "The endpoint does: " + list(e.Processing) + "; the purpose includes: " + list(p.Processing) + "."
	case decide.GateChannel:
		return "The endpoint uses " + string(e.Channel) + "; the purpose includes: " + list(p.Channels) + "."
	case decide.GateParty:
		return "Its role is " + string(s.service.Party.Role) + "."
	case decide.GateTransfer:
		return "The data goes to " + s.service.Party.Transfer.Country + "."
	case decide.GateIdentity:
		return "The endpoint does not declare where people are named, and the purpose rests on what they said."
	case decide.GateCategory:
		return "It replaces what the endpoint " + e.Replaces + " gives."
	default:
		return ""
	}
}
