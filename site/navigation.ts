/** Groups of pages in the order in which they are read. Titles are those of the sidebar. */
export const GROUPS: readonly { readonly text: string; readonly pages: Readonly<Record<string, string>> }[] =
  [
    { text: "Start", pages: { "getting-started": "Getting started", examples: "Examples" } },
    {
      text: "Guide",
      pages: {
        messages: "Messages",
        types: "Types",
        groups: "Groups and rooms",
        presence: "Presence",
        requests: "Requests",
        hooks: "Hooks",
        guarantees: "Delivery guarantees",
        embedding: "Embedding",
        backplanes: "Write a backplane",
        client: "Client SDK",
        authentication: "Authentication",
        permissions: "Permissions",
        chat: "Chat backend",
        push: "Push for absent users",
        "testing-applications": "Testing your application",
        "development-page": "Development page",
        troubleshooting: "Troubleshooting",
      },
    },
    {
      text: "Coming from",
      pages: {
        "from-socket-io": "Socket.IO",
        "from-pusher": "Pusher, Laravel Echo",
        "from-centrifugo": "Centrifugo",
        "from-go": "A hub in Go",
      },
    },
    {
      text: "Operate",
      pages: {
        configuration: "Configuration",
        operations: "Operations",
        "durable-storage": "Durable storage",
        cluster: "Cluster",
        "rate-limits": "Rate limits",
        "message-log": "Message log",
        security: "Security",
      },
    },
    {
      text: "Reference",
      pages: {
        protocol: "Protocol",
        frames: "Protocol, frame by frame",
        "http-api": "HTTP API",
        "api/tidings": "API: tidings",
        "api/tidings.chat": "API: tidings/chat",
        "api/tidings.client": "API: tidings/client",
        "api/tidings.limit": "API: tidings/limit",
        "api/tidings.log": "API: tidings/log",
        "api/tidings.rooms": "API: tidings/rooms",
        "api/tidings.protocol": "API: tidings/protocol",
        "api/tidings.testing": "API: tidings/testing",
      },
    },
    {
      text: "Project",
      pages: {
        changelog: "Changelog",
        contributing: "Contributing",
        architecture: "Architecture",
        testing: "Testing Tidings",
        reporting: "Reporting a vulnerability",
      },
    },
  ];
