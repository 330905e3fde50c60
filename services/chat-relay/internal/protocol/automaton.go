package protocol

import "centinela/openapi/gen/chatframes"

// Automaton is one socket's state. It only goes forward: connected → greeted → ready → closing, where greeted may be
// left out. It isn't safe for concurrent use: the read loop owns it.
type Automaton struct{ state chatframes.State }

// State is where the socket is.
func (a *Automaton) State() chatframes.State { return a.state }

// Advance goes to a later state and reports whether it was one.
func (a *Automaton) Advance(to chatframes.State) bool {
	if to <= a.state {
		return false
	}
	a.state = to
	return true
}

// Decode reads a frame in the state of the socket.
func (a *Automaton) Decode(binary bool, data []byte) (chatframes.ClientFrame, *Violation) {
	return Decode(a.state, binary, data)
}
