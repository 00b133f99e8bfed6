/** Hosts alone, of the two ways in which brokers tell where a client is. */

/** Of a connection: `10.0.0.7:51322` without the port. */
export function hostOfAddress(address: string): string {
  return address.replace(/:\d+$/, '');
}

/** Of a member of a group: Kafka writes `/10.0.0.7`. */
export function hostOfMember({ clientHost }: { readonly clientHost: string }): string {
  return clientHost.replace(/^\//, '');
}
