package unsubscribe

import (
	"net/netip"
	"slices"
)

// httpsPort is the only port that is spoken to.
const httpsPort = 443

// Public tells whether an address and port are ones that anybody in the world could
// reach as well: of the public networks, and where https is. A network of an
// operator that has public addresses is public, whatever a firewall says.
func Public(to netip.AddrPort) bool {
	return to.Port() == httpsPort && isPublic(to.Addr())
}

// isPublic tells whether an address is of the public networks (RFC 6890 and its
// registries of special addresses).
func isPublic(address netip.Addr) bool {
	if address.Zone() != "" {
		return false
	}
	// ::ffff:127.0.0.1 is 127.0.0.1 for the system.
	address = address.Unmap()
	if address.Is4() {
		return !isIn(special4, address)
	}
	return global6.Contains(address) && !isIn(special6, address)
}

func isIn(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

// special4 are the networks of IPv4 that are not public.
var special4 = prefixes(
	"0.0.0.0/8",       // this network; 0.0.0.0 is this machine
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // shared behind carriers (RFC 6598)
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local, and the metadata of many clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocols
	"192.0.2.0/24",    // documentation
	"192.31.196.0/24", // AS112
	"192.52.193.0/24", // AMT
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"192.175.48.0/24", // AS112
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/3",     // multicast, reserved, broadcast
)

// global6 is what of IPv6 is given to networks of the world. Everything else is
// none of them: loopback, unique local (fc00::/7), link-local (fe80::/10), the old
// site-local, multicast, and 64:ff9b::/96 and its like, which hold addresses of
// IPv4.
var global6 = netip.MustParsePrefix("2000::/3")

// special6 are the networks within that are not public, or lead to others.
var special6 = prefixes(
	"2001::/23",     // protocols; Teredo, which holds addresses of IPv4
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4, which holds addresses of IPv4
	"3fff::/20",     // documentation
)

func prefixes(all ...string) (made []netip.Prefix) {
	for _, one := range all {
		made = append(made, netip.MustParsePrefix(one))
	}
	return made
}
