/** Where a server of a unit lies; each path is absolute and needs no quoting. */
export interface UnitPlaces {
  readonly user: string
  /** Node.js, and the entry of the program. */
  readonly program: readonly [node: string, entry: string]
  readonly config: string
  /** The file of the key-encryption key: systemd reads it as root and hands it over. */
  readonly kek: string
  /** The directives that give the server its folders. */
  readonly folders: readonly string[]
}

/** Below these the system hides what is there from a unit. */
const HOME = /^\/(?:home|root|run\/user)\//

/** What a server does without (systemd.exec(5)). */
const CONFINED = `CapabilityBoundingSet=
KeyringMode=private
LockPersonality=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp=yes
PrivateUsers=yes
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# Node.js asks for more at its start, and does without it.
SystemCallErrorNumber=EPERM
`

/**
 * A unit of systemd that runs a server with no rights that it does not need; Node.js compiles code as
 * it runs, so MemoryDenyWriteExecute cannot be set.
 */
export function unitText({ user, program, config, kek, folders }: UnitPlaces): string {
  const paths = [...program, config, ...folders.map((line) => line.replace(/.*=/, ''))]
  const isInHome = paths.some((path) => HOME.test(path))
  return `[Unit]
Description=jwksd, token service and JWKS
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User=${user}
LoadCredential=ring.kek:${kek}
ExecStart=${program.join(' ')} --config ${config} --kek-file %d/ring.kek
ExecReload=kill -HUP $MAINPID
Restart=on-failure
# 78: the configuration is wrong, and the next start would fail as this one did.
RestartPreventExitStatus=78
${folders.join('\n')}
LimitNOFILE=20000
LimitCORE=0
UMask=0077

ProtectHome=${isInHome ? 'read-only' : 'yes'}
${CONFINED}
[Install]
WantedBy=multi-user.target
`
}

/** The unit for a server that was installed where the pages say, with folders that systemd makes. */
export function installedUnit(): string {
  return unitText({
    user: 'jwksd',
    program: ['/usr/bin/node', '/opt/jwksd/dist/server.js'],
    config: '/etc/jwksd/jwksd.json',
    kek: '/etc/jwksd/ring.kek',
    folders: ['StateDirectory=jwksd', 'StateDirectoryMode=0700', 'RuntimeDirectory=jwksd', 'RuntimeDirectoryMode=0700'],
  })
}
