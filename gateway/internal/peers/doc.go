// Package peers is what the gateway needs of audit: the verdict feed, and a
// place to tell what was refused. It owns the mapping to audit's wire types.
package peers
