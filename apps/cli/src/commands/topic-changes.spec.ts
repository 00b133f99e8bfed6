import { operationsFrom } from './topic-changes.js';

const none = { set: [], unset: [], append: [], subtract: [] };

describe('yak topic config', () => {
  it('takes what stands behind the first = as the value, and nothing at all as a question', () => {
    expect(operationsFrom(none)).toEqual([]);
    expect(operationsFrom({ set: ['a=1', 'b=x=y', 'c='], unset: ['d'], append: ['e=f'], subtract: ['g=h'] })).toEqual([
      { name: 'a', operation: 'set', value: '1' },
      { name: 'b', operation: 'set', value: 'x=y' },
      { name: 'c', operation: 'set', value: '' },
      { name: 'e', operation: 'append', value: 'f' },
      { name: 'g', operation: 'subtract', value: 'h' },
      { name: 'd', operation: 'delete', value: null },
    ]);
  });

  it('says what an operation without a value needs', () => {
    expect(() => operationsFrom({ ...none, set: ['a'] })).toThrow('--set needs name=value, not "a"');
    expect(() => operationsFrom({ ...none, append: ['=a'] })).toThrow('--append needs name=value, not "=a"');
  });
});
