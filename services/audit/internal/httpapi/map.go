package httpapi

import (
	"centinela/openapi/gen/auditapi"
	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/shared/record"
)

// classOf is the class that a person asks for: security, unless another is named.
func classOf(class *auditapi.ListMyActivityParamsClass) record.Class {
	switch {
	case class == nil:
		return record.Security
	case *class == auditapi.ListMyActivityParamsClassAll:
		return ""
	}
	return record.Class(*class)
}

func activityPageOf(page ledger.Page) auditapi.ActivityPage {
	events := make([]auditapi.Activity, len(page.Entries))
	for i, entry := range page.Entries {
		e := entry.Event
		events[i] = auditapi.Activity{
			Seq: entry.Seq, Id: e.ID, Time: e.Time, Service: e.Service, Class: auditapi.EventClass(entry.Class), Action: e.Action, Outcome: e.Outcome,
			Session: optional(e.Session), Target: optional(e.Target), Address: optional(e.Address), UserAgent: optional(e.UserAgent),
			Reason: optional(e.Reason),
		}
		if data := map[string]any(entry.Data()); len(data) > 0 {
			events[i].Data = &data
		}
	}
	return auditapi.ActivityPage{Events: events, NextCursor: optional(page.Next)}
}

func verdictOf(v firewall.Verdict) auditapi.Verdict {
	return auditapi.Verdict{
		Id: v.ID, Kind: auditapi.SubjectKind(v.Kind), Subject: v.Subject, Action: auditapi.VerdictAction(v.Action), Reason: v.Reason,
		Source: v.Source, CreatedAt: v.CreatedAt, Until: v.Until,
	}
}

func verdictsOf(list []firewall.Verdict) []auditapi.Verdict {
	verdicts := make([]auditapi.Verdict, len(list)) // [] on the wire, never null
	for i, v := range list {
		verdicts[i] = verdictOf(v)
	}
	return verdicts
}

func verdictPageOf(page firewall.Page) auditapi.VerdictPage {
	return auditapi.VerdictPage{Verdicts: verdictsOf(page.Verdicts), NextCursor: optional(page.Next)}
}

func feedOf(c firewall.Changes) auditapi.VerdictFeed {
	return auditapi.VerdictFeed{
		Version: c.Version, Snapshot: c.Snapshot, Verdicts: verdictsOf(c.Verdicts), Removed: append([]auditapi.VerdictId{}, c.Removed...),
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
