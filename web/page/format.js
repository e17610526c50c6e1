// SPDX-License-Identifier: BSD-3-Clause
// Numbers, times and names for people.

const PROTOCOLS = { 1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 41: 'IPv6', 47: 'GRE', 50: 'ESP', 58: 'ICMPv6', 89: 'OSPF', 132: 'SCTP' };
const SERVICES = { 20: 'ftp-data', 21: 'ftp', 22: 'ssh', 23: 'telnet', 25: 'smtp', 53: 'dns', 67: 'dhcp', 68: 'dhcp', 69: 'tftp', 80: 'http',
  88: 'kerberos', 110: 'pop3', 111: 'rpcbind', 119: 'nntp', 123: 'ntp', 135: 'msrpc', 137: 'netbios', 138: 'netbios', 139: 'netbios', 143: 'imap', 161: 'snmp',
  179: 'bgp', 389: 'ldap', 443: 'https', 445: 'smb', 465: 'smtps', 500: 'ike', 514: 'syslog', 554: 'rtsp', 587: 'submission', 631: 'ipp', 636: 'ldaps', 853: 'dns over tls',
  873: 'rsync', 993: 'imaps', 995: 'pop3s', 1080: 'socks', 1194: 'openvpn', 1433: 'mssql', 1521: 'oracle', 1883: 'mqtt', 1900: 'ssdp', 2049: 'nfs', 3128: 'proxy',
  3306: 'mysql', 3389: 'rdp', 3478: 'stun', 4739: 'ipfix', 5060: 'sip', 5061: 'sips', 5222: 'xmpp', 5353: 'mdns', 5432: 'postgresql', 5900: 'vnc', 6379: 'redis',
  6667: 'irc', 8080: 'http', 8443: 'https', 9200: 'elasticsearch', 11211: 'memcached', 27017: 'mongodb' };

export const protocol = (n) => PROTOCOLS[n] || (n === null || n === undefined ? 'other' : Number.isInteger(n) ? `protocol ${n}` : String(n));
export const port = (n) => (SERVICES[n] ? `${n} (${SERVICES[n]})` : String(n));

function scaled(value, steps, base) {
  let i = 0;
  let v = value;
  while (Math.abs(v) >= base * 0.9995 && i < steps.length - 1) {
    v /= base;
    i++;
  }
  return [i === 0 && Number.isInteger(v) ? String(v) : v.toFixed(Math.abs(v) < 10 ? (i === 0 && v < 1 ? 2 : 1) : 0), steps[i]];
}

export function count(value) {
  if (value === null || value === undefined) return '–';
  return scaled(value, ['', 'k', 'M', 'G', 'T'], 1000).join(' ').trim();
}
export function bytes(value) {
  if (value === null || value === undefined) return '–';
  return scaled(value, ['B', 'kB', 'MB', 'GB', 'TB', 'PB'], 1000).join(' ');
}
export const bits = (value) => scaled(value, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'], 1000).join(' ');
export const rate = (value) => (value === null || value === undefined ? '–' : `${count(value < 10 ? Math.round(value * 10) / 10 : Math.round(value))}/s`);

// 1 is a whole core.
export const percent = (cpu) => `${cpu < 0.1 ? Math.round(cpu * 1000) / 10 : Math.round(cpu * 100)} %`;

const pad = (n) => String(n).padStart(2, '0');
export function time(value, withDate = true) {
  const d = typeof value === 'number' ? new Date(value * 1000) : new Date(value);
  if (Number.isNaN(d.getTime())) return String(value);
  const clock = `${pad(d.getHours())}:${pad(d.getMinutes())}:${pad(d.getSeconds())}`;
  return withDate ? `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${clock}` : clock;
}
export function clock(seconds, span) {
  const d = new Date(seconds * 1000);
  if (span <= 3600) return time(seconds, false).slice(0, span <= 600 ? 8 : 5);
  return span <= 2 * 86400 ? `${pad(d.getHours())}:${pad(d.getMinutes())}` : `${pad(d.getDate())}.${pad(d.getMonth() + 1)}.`;
}
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}
export const seconds = (text) => Date.parse(text) / 1000;

export const KINDS = ['amplification', 'backscatter', 'blacklisted-address', 'blacklisted-name', 'blacklisted-url', 'block-scan', 'botnet', 'dial-plan-guessing',
  'dns-anomaly', 'dns-tunnel', 'flood', 'horizontal-scan', 'intrusion', 'malware', 'mining', 'other', 'password-guessing', 'phishing', 'spam', 'toll-fraud',
  'user-scan', 'vertical-scan', 'web-attack'];
export const kindName = (kind) => kind.replaceAll('-', ' ');
