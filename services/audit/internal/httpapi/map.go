package httpapi

import (
	"centinela/openapi/gen/auditapi"
	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/shared/record"
	"centinela/shared/verdicts"
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
	subjects := make(auditapi.Subjects, len(v.Subjects))
	for i, s := range v.Subjects {
		subjects[i] = auditapi.Subject{Kind: auditapi.SubjectKind(s.Kind), Value: s.Value}
	}
	return auditapi.Verdict{
		Id: v.ID, Subjects: subjects, Action: auditapi.VerdictAction(v.Action), Level: v.Level, DecisionId: optional(v.Decision),
		Reason: v.Reason, Source: v.Source, CreatedAt: v.CreatedAt, Until: v.Until,
	}
}

func subjectsFrom(wire auditapi.Subjects) []verdicts.Subject {
	subjects := make([]verdicts.Subject, len(wire))
	for i, s := range wire {
		subjects[i] = verdicts.Subject{Kind: string(s.Kind), Value: s.Value}
	}
	return subjects
}

func verdictPageOf(page firewall.Page) auditapi.VerdictPage {
	list := make([]auditapi.Verdict, len(page.Verdicts)) // [] on the wire, never null
	for i, v := range page.Verdicts {
		list[i] = verdictOf(v)
	}
	return auditapi.VerdictPage{Verdicts: list, NextCursor: optional(page.Next)}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
