package ring

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Role is what a member does.
type Role string

// The roles of members. Only nodes own keys.
const (
	RoleNode     Role = "node"
	RoleFrontend Role = "frontend"
)

// State is how far a member is in its life.
type State string

// The states of members. Only active ones own keys.
const (
	StateJoining  State = "joining" // learning what the nodes share
	StateActive   State = "active"
	StateDraining State = "draining"
)

// Member is a member of the cluster as it describes itself.
type Member struct {
	Name  string `json:"name"`
	Role  Role   `json:"role"`
	State State  `json:"state"`
	// API is host:port of the page protocol; empty for frontends.
	API string `json:"api,omitempty"`
	// MinProtocol to Protocol are the versions of the page protocol it speaks.
	MinProtocol int `json:"min_protocol"`
	Protocol    int `json:"protocol"`
	// Incarnation tells a member that was started again from its former self:
	// nanoseconds since 1970 when it was started.
	Incarnation int64 `json:"incarnation"`
	// Generation is how many generations of the placement's parameters it knows;
	// 0, of versions that do not tell, is 1.
	Generation int `json:"generation,omitempty"`
}

// placed tells whether the member owns keys.
func (m Member) placed() bool { return m.Role == RoleNode && m.State == StateActive }

// maxMetadata is what memberlist accepts.
const maxMetadata = 512

// encode makes the metadata that gossip carries. The name is not part of it:
// gossip knows it already.
func (m Member) encode() ([]byte, error) {
	m.Name = ""
	data, err := json.Marshal(m)
	if err == nil && len(data) > maxMetadata {
		err = fmt.Errorf("ring: a member's description of %d bytes is over %d", len(data), maxMetadata)
	}
	return data, err
}

var errMetadata = errors.New("ring: unreadable description of a member")

// decodeMember reads metadata. Fields that a newer version adds are ignored.
func decodeMember(name string, data []byte) (Member, error) {
	var m Member
	if len(data) > maxMetadata || json.Unmarshal(data, &m) != nil {
		return Member{}, errMetadata
	}
	m.Name = name
	if m.Role != RoleNode && m.Role != RoleFrontend {
		return Member{}, errMetadata
	}
	return m, nil
}
