import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface PictureServer {
  readonly url: string;
  /** Referer of each request. Undefined for a request without one. */
  readonly referrers: (string | undefined)[];
}

/** Starts another site, which serves a picture. */
export async function servePicture(): Promise<PictureServer> {
  const referrers: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    referrers.push(headers.referer);
    response.setHeader("Content-Type", "image/svg+xml");
    response.end(SEA);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // a TCP server's address is never a path
  return { url: `http://127.0.0.1:${port}/sea.svg`, referrers };
}

const SEA = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360" viewBox="0 0 640 360">
  <linearGradient id="sky" x2="0" y2="1"><stop stop-color="#f6d3ae"/><stop offset="1" stop-color="#ea9672"/></linearGradient>
  <rect width="640" height="360" fill="url(#sky)"/>
  <circle cx="470" cy="170" r="52" fill="#fff3d9"/>
  <path d="M0 240c80-38 160-38 240 0s160 38 240 0 120-38 160-20v140H0z" fill="#1f6f78"/>
  <path d="M0 284c80-38 160-38 240 0s160 38 240 0 120-38 160-20v96H0z" fill="#155059"/>
</svg>`;
